import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instant, type Seconds, seconds } from '../../src/core/time.ts'
import type { Kid, PublicJwk } from '../../src/jose/jwk.ts'
import type { Sealed } from '../../src/jose/kek.ts'
import { believing } from '../../src/keyring/believing.ts'
import { historyEntry } from '../../src/keyring/entry.ts'
import { type Import, importing } from '../../src/keyring/import.ts'
import { activeOf, EMPTY_RING, type Ring, standbyOf } from '../../src/keyring/ring.ts'
import { LENGTHS, policyOf, settle } from '../support/keys.ts'

const POLICY = policyOf(LENGTHS)
const TWO = policyOf(LENGTHS, ['EdDSA', 'ES256'])
const jwk = (kid: string, x = 'x'): PublicJwk =>
  ({ kty: 'EC', crv: 'P-256', x, y: 'y', kid: kid as Kid, use: 'sig', alg: 'ES256' }) as PublicJwk
const given = (maxAge = 0, maxTtl = 0, since = 0): Import => ({
  key: { jwk: jwk('theirs'), sealed: {} as Sealed },
  publishedSince: instant(since),
  marks: { maxAge: seconds(maxAge), maxTtl: seconds(maxTtl) },
})

function imported(ring: Ring, what: Import, now: number, policy = POLICY): Ring {
  const next = importing(ring, what, { policy, now: instant(now), watch: believing })
  assert.ok(next.ok, JSON.stringify(next))
  return next.value
}

function refused(ring: Ring, what: Import, now: number): object {
  const next = importing(ring, what, { policy: POLICY, now: instant(now), watch: believing })
  assert.ok(!next.ok)
  return next.error
}

const removedAt = (ring: Ring, from: number): number => {
  for (let now = from; now < from + 10_000; now += 1) {
    ring = settle(ring, POLICY, now)
    if (!ring.keys.some(({ jwk: { kid } }) => kid === 'theirs')) return now
  }
  return Infinity
}

describe('importing() into an empty ring', () => {
  it('makes the key active once every cache has it by the old max-age, not one second before', () => {
    // R 10 + H 1 * 500.
    assert.deepEqual(refused(EMPTY_RING, given(500), 509), { code: 'too_early', earliestSafeAt: 510 })
    assert.equal(activeOf(imported(EMPTY_RING, given(500), 510).keys, 'ES256')?.jwk.kid, 'theirs')
    assert.deepEqual(refused(EMPTY_RING, given(0), 109), { code: 'too_early', earliestSafeAt: 110 })
  })

  it('gives every line a standby, which waits its lead, and never a second key that signs at once', () => {
    const ring = settle(imported(EMPTY_RING, given(), 1000, TWO), TWO, 1000)
    assert.equal(activeOf(ring.keys, 'EdDSA'), undefined)
    assert.ok(standbyOf(ring.keys, 'EdDSA') !== undefined && standbyOf(ring.keys, 'ES256') !== undefined)
    const later = settle(ring, TWO, 1000 + LENGTHS.lead)
    assert.ok(activeOf(later.keys, 'EdDSA') !== undefined)
    assert.equal(activeOf(later.keys, 'ES256')?.jwk.kid === 'theirs', false, 'its interval was over long ago')
  })

  it('keeps the key as long as the tokens of the other issuer live', () => {
    const ring = settle(imported(EMPTY_RING, given(100, 5000), 1000), POLICY, 1000)
    const turned = settle(ring, POLICY, 1000 + LENGTHS.lead)
    assert.equal(turned.keys.find(({ jwk: { kid } }) => kid === 'theirs')?.state, 'retired')
    assert.equal(removedAt(turned, 1400), 1400 + LENGTHS.propagation + 5000)
  })
})

describe('importing() into a ring that exists', () => {
  it('makes the key the standby of its line in place of the one that never signed', () => {
    const ring = settle(EMPTY_RING, POLICY, 0)
    const before = standbyOf(ring.keys, 'ES256')?.jwk.kid
    const next = imported(ring, given(), 300)
    assert.equal(standbyOf(next.keys, 'ES256')?.jwk.kid, 'theirs')
    assert.deepEqual(next.history.map(({ jwk: { kid }, why }) => [kid, why]), [[before, 'dropped']])
    const stamped = settle(next, POLICY, 300)
    assert.equal(activeOf(settle(stamped, POLICY, 999).keys, 'ES256')?.jwk.kid === 'theirs', false)
    assert.equal(activeOf(settle(stamped, POLICY, 1000).keys, 'ES256')?.jwk.kid, 'theirs')
    const late = settle(imported(ring, given(), 900), POLICY, 900)
    assert.equal(activeOf(settle(late, POLICY, 1299).keys, 'ES256')?.jwk.kid === 'theirs', false, 'its lead is not over')
    assert.equal(activeOf(settle(late, POLICY, 1300).keys, 'ES256')?.jwk.kid, 'theirs')
  })

  it('takes a public half as retired until (2) by the old lifetime is over', () => {
    const { key: { jwk: half } } = given()
    const ring = imported(settle(EMPTY_RING, POLICY, 0), { ...given(0, 700), key: { jwk: half } }, 50)
    assert.equal(ring.keys.find(({ jwk: { kid } }) => kid === 'theirs')?.state, 'retired')
    assert.equal(removedAt(settle(ring, POLICY, 50), 50), 50 + LENGTHS.propagation + 700)
  })

  it('refuses a name or a public half that the ring has or had, under another algorithm too', () => {
    const ring = settle(imported(EMPTY_RING, given(), 1000), POLICY, 1000)
    const past: Ring = {
      ...ring,
      keys: ring.keys.slice(1),
      history: [{ jwk: jwk('theirs'), removedAt: instant(0), why: 'revoked', reason: '' } as unknown as Ring['history'][number]],
    }
    for (const held of [ring, past]) {
      for (const key of [jwk('theirs', 'other'), jwk('renamed'), { ...jwk('renamed'), alg: 'ES384' } as PublicJwk]) {
        assert.deepEqual(refused(held, { ...given(), key: { jwk: key } }, 2000), { code: 'known_key', kid: 'theirs' })
      }
    }
  })

  it('says of the key that it was imported, for as long as the history has it', () => {
    const ring = settle(imported(EMPTY_RING, given(0, 0), 1000), POLICY, 1000)
    const span: Seconds = seconds(LENGTHS.lead)
    const turned = settle(ring, POLICY, 1000 + span)
    const gone = settle(settle(turned, POLICY, 3000), POLICY, 3000)
    for (const { keys, history } of [ring, turned, gone]) {
      const entry = [...keys, ...history].map(historyEntry)
        .find((one) => (one as { jwk: PublicJwk }).jwk.kid === 'theirs') as { imported?: boolean }
      assert.equal(entry.imported, true)
    }
    assert.equal(gone.history.some(({ jwk: { kid }, imported: flag }) => kid === 'theirs' && flag === true), true)
  })
})
