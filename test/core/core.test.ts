import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { decodeBase64url, decodeUtf8, encodeBase64url } from '../../src/core/encoding.ts'
import { formatDuration, parseDuration } from '../../src/core/duration.ts'
import { faultEvent } from '../../src/core/event.ts'
import { printable } from '../../src/core/printable.ts'
import { count, eventSample, requestSample, sumOf, type Tally } from '../../src/core/tally.ts'
import { after, between, earliest, instant, later, never, numericDate, seconds } from '../../src/core/time.ts'
import { seeded } from '../support/random.ts'

describe('base64url', () => {
  it('encodes as RFC 4648 section 10 shows, without padding', () => {
    const expected = ['', 'Zg', 'Zm8', 'Zm9v', 'Zm9vYg', 'Zm9vYmE', 'Zm9vYmFy']
    assert.deepEqual(['', 'f', 'fo', 'foo', 'foob', 'fooba', 'foobar'].map((text) => encodeBase64url(text)), expected)
    assert.equal(encodeBase64url(new Uint8Array([0xfb, 0xff, 0xfe])), '-__-')
    assert.equal(encodeBase64url(new Uint8Array([1, 2, 3, 4]).subarray(1, 3)), 'AgM')
  })

  it('A6 decodes nothing but its own spelling', () => {
    for (const text of ['Zg=', 'Zg==', 'Zm9v\n', ' Zm9v', 'Zm 9v', '+/+/', 'Zh', 'Zm9vYh', 'A', 'Zm9v.', 'Zm9ü']) {
      assert.equal(decodeBase64url(text), undefined, text)
    }
  })

  it('decodes all that it encodes', () => {
    const random = seeded(1)
    for (let length = 0; length < 300; length += 1) {
      const bytes = Uint8Array.from({ length }, () => random.int(0, 255))
      assert.deepEqual(Uint8Array.from(decodeBase64url(encodeBase64url(bytes)) ?? []), bytes)
    }
  })
})

describe('UTF-8', () => {
  it('A13 is refused when it is invalid, never repaired', () => {
    const invalid = [[0xff], [0xc0, 0x80], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x80]]
    for (const bytes of invalid) assert.equal(decodeUtf8(Uint8Array.from(bytes)), undefined, bytes.join())
    assert.equal(decodeUtf8(Buffer.from('\ufeffżółć 😀')), '\ufeffżółć 😀')
  })
})

describe('time', () => {
  it('counts in seconds', () => {
    assert.equal(after(instant(10), seconds(5)), 15)
    assert.equal(between(instant(10), instant(4)), -6)
    assert.equal(later(instant(1), instant(2)), 2)
    assert.equal(earliest([instant(3), instant(2), never]), 2)
    assert.equal(earliest([]), never)
    assert.equal(numericDate(instant(1.999)), 1)
  })
})

describe('durations', () => {
  it('are read with their unit, and written in the largest that fits', () => {
    for (const [text, length] of [['0', 0], ['90s', 90], ['15m', 900], ['48h', 172_800], ['7d', 604_800]] as const) {
      assert.equal(parseDuration(text), length)
    }
    for (const text of ['', '90', '-1s', '1.5h', '1w', '7 d', 's', '1s1s', '99999d']) {
      assert.equal(parseDuration(text), undefined, text)
    }
    const texts = [0, 90, 900, 3600, 172_800, 4085].map((length) => formatDuration(seconds(length)))
    assert.deepEqual(texts, ['0', '90s', '15m', '1h', '2d', '4085s'])
  })
})

describe('printable()', () => {
  it('D10 leaves no character that acts on a terminal or a log viewer', () => {
    assert.equal(printable('a\r\n\u001b[31m\u0085\u2028\u202e\u061c\u200bb'), 'a\\u000d\\u000a\\u001b[31m\\u0085\\u2028\\u202e\\u061c\\u200bb')
    assert.equal(printable('żółć 😀 {"a":1}'), 'żółć 😀 {"a":1}')
  })
})

describe('a tally', () => {
  it('counts each event by its name and algorithm, and by nothing else of it', () => {
    const token = { kid: 'k', alg: 'ES256', jti: 'j', subject: 's', aud: 'a', exp: 1, client: 'c' }
    const event = { name: 'token.minted', ...token } as const
    assert.equal(eventSample(event), 'jwksd_events_total{event="token.minted",alg="ES256"}')
    assert.equal(requestSample('/a"b', 200), 'jwksd_requests_total{path="/a\\"b",code="200"}')
    const refused = eventSample({ name: 'client.refused', client: 'c', address: 'a', reason: 'secret' })
    assert.equal(refused, 'jwksd_events_total{event="client.refused"}')
  })

  it('adds up, sample by sample', () => {
    const one: Tally = new Map([['a', 1]])
    count(one, 'a')
    count(one, 'b')
    assert.deepEqual([...sumOf([one, [['b', 2], ['c', 3]], []])], [['a', 2], ['b', 3], ['c', 3]])
    assert.equal(one.get('b'), 1)
  })
})

describe('faultEvent()', () => {
  it('D13 keeps the kind of an error and where it arose, and drops its message', () => {
    const event = faultEvent(new RangeError('secret\n    at the disco'))
    assert.ok(event.name === 'server.fault')
    assert.equal(event.error, 'RangeError')
    assert.ok(event.at.length > 0)
    assert.doesNotMatch(JSON.stringify(event), /secret/)
    assert.deepEqual(faultEvent('text'), { name: 'server.fault', error: 'string', at: [] })
  })
})
