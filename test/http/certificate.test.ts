import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { type Instant, instant } from '../../src/core/time.ts'
import { expiryOf, expiryState, pairOf } from '../../src/http/certificate.ts'
import { accepted } from '../../src/http/tls.ts'
import { authority, certified, keyOf, selfMade } from '../support/certificates.ts'

const now = (): Instant => instant(Date.now() / 1000)
const DAY = 86_400

function faultOf(cert: string, key: string, at: Instant = now()): string {
  const pair = pairOf(cert, key, at)
  const taken = pair.ok ? accepted(pair.value) : pair
  return taken.ok ? 'none' : `${taken.error.file}: ${taken.error.problem}`
}

describe('a certificate and its key', () => {
  const root = authority('root')
  const own = certified(root, 'localhost')

  it('are taken with the chain behind the certificate, or without one', () => {
    assert.equal(faultOf(own.cert, own.key), 'none')
    assert.equal(faultOf(own.cert + root.cert, own.key), 'none')
    const made = selfMade('localhost')
    assert.equal(faultOf(made.cert, made.key), 'none')
  })

  it('are taken on the curves and in the sizes that clients accept, and on no others', () => {
    for (const kind of ['rsa:2048', 'ec:P-384', 'ec:P-521', 'ed25519']) {
      const { cert, key } = certified(root, 'localhost', { kind })
      assert.equal(faultOf(cert, key), 'none', kind)
    }
    for (const kind of ['rsa:1024', 'ec:secp256k1', 'ed448']) {
      const { cert, key } = certified(root, 'localhost', { kind })
      assert.match(faultOf(cert, key), /^private key: it is an? .+, which TLS clients refuse\. Make an ECDSA key/, kind)
    }
  })

  it('are refused before the first and after the last moment, with that moment', () => {
    const { begins, expires } = pairOf(own.cert, own.key, now()).ok
      ? (pairOf(own.cert, own.key, now()) as { value: { begins: Instant; expires: Instant } }).value
      : { begins: now(), expires: now() }
    assert.match(faultOf(own.cert, own.key, instant(begins - 1)), /^certificate: it begins at 20\S+Z only\. Wait/)
    assert.equal(faultOf(own.cert, own.key, begins), 'none')
    assert.match(faultOf(own.cert, own.key, expires), /^certificate: it expired at 20\S+Z\. Renew it$/)
  })

  const cases: readonly (readonly [what: string, cert: string, key: string, fault: RegExp])[] = [
    ['a key of another certificate', own.cert, keyOf('ec:P-256'), /^certificate: it was made for another key\. Name/],
    ['the certificate of the authority', root.cert, own.key, /^certificate: it is that of an authority \(CA\)\. Put/],
    ['the authority in front', root.cert + own.cert, own.key, /^certificate: the one of the key is number 2 in/],
    [
      'a stranger in the chain', own.cert + authority('other').cert, own.key,
      /^certificate: number 2 in the file did not issue number 1\. Put/,
    ],
    ['a certificate that is none', 'PEM', own.key, /^certificate: it is no certificate in PEM\. Name/],
    [
      'a certificate that is damaged', own.cert.replace(/[A-Za-z0-9+/]{60}/, 'A'.repeat(60)), own.key,
      /^certificate: it is no certificate in PEM\. Name/,
    ],
    ['a key that is none', own.cert, own.cert, /^private key: it is no private key in PEM\. Name/],
    ['an empty key', own.cert, '', /^private key: it is no private key in PEM\. Name/],
    [
      'a key behind a passphrase', own.cert,
      execFileSync('openssl', ['pkey', '-aes128', '-passout', 'pass:x'], { input: own.key }).toString(),
      /^private key: it asks for a passphrase\. Write it without one \(openssl pkey/,
    ],
  ]
  for (const [what, cert, key, fault] of cases) it(`are refused: ${what}`, () => assert.match(faultOf(cert, key), fault))

  it('are refused without a host, for clients alone, and with a weak signature', () => {
    const nameless = certified(root, 'localhost', { extensions: 'basicConstraints=CA:FALSE' })
    assert.match(faultOf(nameless.cert, nameless.key), /^certificate: it names no host \(subjectAltName\)/)
    const client = certified(root, 'localhost', { extensions: 'subjectAltName=DNS:a\nextendedKeyUsage=clientAuth' })
    assert.match(faultOf(client.cert, client.key), /^certificate: it is not for servers\. Ask for one with/)
    const weak = certified(root, 'localhost', { digest: 'sha1' })
    assert.match(faultOf(weak.cert, weak.key), /^certificate: it is signed with SHA-1\. Ask for one with SHA-256$/)
  })
})

describe('accepted()', () => {
  it('refuses what OpenSSL refuses, with its code', () => {
    const refused = accepted({ cert: 'none', key: 'none', begins: now(), expires: now() })
    assert.ok(!refused.ok)
    assert.match(refused.error.problem, /^OpenSSL refuses it \(\w+\)\. Make another key and certificate$/)
  })
})

describe('the expiry of a certificate', () => {
  const pair = (days: number) => ({ cert: '', key: '', begins: instant(0), expires: instant(days * DAY) })
  const dueAt = (days: number, left: number): number => expiryOf(pair(days), instant((days - left) * DAY)).due

  it('warns 30, 7 and 1 day before, and when it has come', () => {
    assert.deepEqual([31, 30, 8, 7, 2, 1, 0.1, 0, -5].map((left) => dueAt(365, left)), [0, 1, 1, 2, 2, 3, 3, 4, 4])
  })

  it('warns later where certificates live shorter, and never before they are renewed in time', () => {
    assert.deepEqual([30, 23, 22, 8, 7, 1].map((left) => dueAt(90, left)), [0, 0, 1, 1, 2, 3])
    assert.deepEqual([1 / 3, 1 / 5, 1 / 11, 1 / 25, 0].map((left) => dueAt(1, left)), [0, 1, 2, 3, 4])
  })

  it('degrades the server from the second warning on', () => {
    const states = [30, 7, 1, 0].map((left) => expiryState(pair(365), instant((365 - left) * DAY)))
    assert.deepEqual(states, ['valid', 'expires soon', 'expires soon', 'expired'])
  })
})
