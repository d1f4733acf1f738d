import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { forwardedAddress } from '../../src/http/forwarded.ts'

const PROXIES = ['10.0.0.0/8', '127.0.0.1', '::1', 'fd00::/8', 'unix']

const xff = forwardedAddress({ proxies: PROXIES, header: 'x-forwarded-for' })
const rfc = forwardedAddress({ proxies: PROXIES, header: 'forwarded' })
const trustsNobody = forwardedAddress({ proxies: ['192.0.2.1'], header: 'x-forwarded-for' })

/** The other end, the values of the header, one for each line, and the address. */
type Row = readonly [what: string, peer: string | undefined, lines: readonly string[], address: string]

const ROWS: readonly Row[] = [
  ['a stranger who forges the header', '203.0.113.9', ['1.2.3.4'], '203.0.113.9'],
  ['a proxy without a header', '127.0.0.1', [], '127.0.0.1'],
  ['a proxy with one client', '127.0.0.1', ['203.0.113.9'], '203.0.113.9'],
  ['a client that forges an entry', '127.0.0.1', ['1.2.3.4, 203.0.113.9'], '203.0.113.9'],
  ['a client that forges a whole chain of proxies', '127.0.0.1', ['1.2.3.4, 10.0.0.1, 203.0.113.9'], '203.0.113.9'],
  ['a client that sends a line of its own', '127.0.0.1', ['1.2.3.4', '203.0.113.9'], '203.0.113.9'],
  ['two proxies', '127.0.0.1', ['203.0.113.9, 10.0.0.7'], '203.0.113.9'],
  ['three proxies, of which one is not trusted', '127.0.0.1', ['1.2.3.4, 203.0.113.9, 10.0.0.7'], '203.0.113.9'],
  ['a client among the proxies', '127.0.0.1', ['10.0.0.9'], '10.0.0.9'],
  ['a proxy on a socket', undefined, ['203.0.113.9'], '203.0.113.9'],
  ['a proxy by IPv4 on a listener for both', '::ffff:127.0.0.1', ['203.0.113.9'], '203.0.113.9'],
  ['a client by IPv4 on a proxy for both', '::1', ['::ffff:203.0.113.9'], '203.0.113.9'],
  ['a client by IPv6', '::1', ['2001:db8::9'], '2001:db8::9'],
  ['a client by IPv6 in brackets with a port', '::1', ['[2001:db8::9]:4711'], '2001:db8::9'],
  ['an entry with a port', '127.0.0.1', ['203.0.113.9:4711'], '203.0.113.9'],
  ['a proxy by IPv6', 'fd00::7', ['2001:db8::9'], '2001:db8::9'],
  ['an entry that hides the address', '127.0.0.1', ['unknown'], 'unknown'],
  ['an entry that is no address', '127.0.0.1', ['1.2.3.4, \u001b[31mevil'], 'unknown'],
  ['an entry out of range', '127.0.0.1', ['1.2.3.4, 300.1.1.1'], 'unknown'],
  ['an entry of 16 kB', '127.0.0.1', [':'.repeat(16_000)], 'unknown'],
]

describe('forwardedAddress()', () => {
  for (const [what, peer, lines, address] of ROWS) {
    it(`reads X-Forwarded-For of ${what}`, () => {
      assert.equal(xff(peer, lines.flatMap((line) => ['X-Forwarded-For', line])), address)
    })

    it(`reads Forwarded of ${what}, and nothing else`, () => {
      const element = (hop: string): string => {
        const value = /[^\w.!#$%&'*+^|~-]/.test(hop.trim()) ? `"${hop.trim()}"` : hop.trim()
        return `for=${value};proto=https`
      }
      const own = lines.map((line) => line.split(',').map(element).join(', '))
      const headers = own.flatMap((line) => ['forwarded', line])
      assert.equal(rfc(peer, ['X-Forwarded-For', '6.6.6.6', ...headers, 'X-Forwarded-For', '6.6.6.6']), address)
      // The other header is never read.
      assert.equal(xff('127.0.0.1', headers), '127.0.0.1')
    })
  }

  for (const [what, value, address] of [
    ['a quote that the client leaves open', 'for="1.2.3.4, for=203.0.113.9', '203.0.113.9'],
    ['an escape that the client leaves open', 'for="1.2.3.4\\, for=203.0.113.9', '203.0.113.9'],
    ['an element inside of a quoted host', 'for=203.0.113.9;host="a, for=6.6.6.6"', 'unknown'],
    ['a host that ends a quote and begins another', 'for=203.0.113.9;host="a, for=6.6.6.6;x="', 'unknown'],
    ['no for', 'for=1.2.3.4, proto=https', 'unknown'],
    ['for in another place and case', 'proto=https; FOR=203.0.113.9', '203.0.113.9'],
    ['another name that ends in for', 'xfor=6.6.6.6;for=203.0.113.9', '203.0.113.9'],
    ['a hidden name', 'for=_hidden', 'unknown'],
    ['quotes inside of a token', 'for=203.0.113.9"', 'unknown'],
    ['a list of 16 kB', `${'for=1.2.3.4;'.repeat(1300)}, for=203.0.113.9`, '203.0.113.9'],
    ['one element of 16 kB', `${'a=b;'.repeat(4000)}for=203.0.113.9`, '203.0.113.9'],
  ] as const) {
    it(`reads Forwarded with ${what}`, () => {
      const began = performance.now()
      assert.equal(rfc('127.0.0.1', ['Forwarded', value]), address)
      assert.ok(performance.now() - began < 50)
    })
  }

  it('trusts a network only if it is named, and a socket only if it is', () => {
    for (const peer of ['127.0.0.1', '::1', '10.0.0.1']) {
      assert.equal(trustsNobody(peer, ['x-forwarded-for', '6.6.6.6']), peer)
    }
    assert.equal(trustsNobody(undefined, ['x-forwarded-for', '6.6.6.6']), 'unix')
    assert.equal(trustsNobody('192.0.2.1', ['x-forwarded-for', '6.6.6.6']), '6.6.6.6')
  })

  it('bounds the time for a chain of trusted entries of 16 kB', () => {
    const began = performance.now()
    assert.equal(xff('127.0.0.1', ['x-forwarded-for', '10.0.0.1,'.repeat(1700) + '10.0.0.1']), '10.0.0.1')
    assert.ok(performance.now() - began < 50)
  })
})
