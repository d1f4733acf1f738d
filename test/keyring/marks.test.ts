import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { longestView, NO_MARKS } from '../../src/keyring/policy.ts'
import { EMPTY_RING, type Ring } from '../../src/keyring/ring.ts'
import { LENGTHS as SHORT, policyOf, settle } from '../support/keys.ts'

const LENGTHS = { ...SHORT, ttl: 100, propagation: 5 }
const POLICY = policyOf(LENGTHS)

const stateOf = (ring: Ring, kid: string | undefined): string =>
  ring.keys.find(({ jwk }) => jwk.kid === kid)?.state ?? 'gone'
const kidOf = (ring: Ring, state: string): string | undefined => ring.keys.find((key) => key.state === state)?.jwk.kid

describe('high-water marks', () => {
  for (const [name, raised, other] of [['maxAge', 250, 'maxTtl'], ['maxTtl', 250, 'maxAge']] as const) {
    it(`rise with ${name} alone, and stay where they are when it falls again`, () => {
      const ring = settle(EMPTY_RING, POLICY, 0)
      const risen = settle(ring, policyOf({ ...LENGTHS, [name]: raised }), 1)
      assert.deepEqual(risen.marks, { ...ring.marks, [name]: raised })
      const fallen = settle(risen, POLICY, 2)
      assert.deepEqual(fallen.marks, risen.marks)
      // What raises the one must not lower the other.
      const both = settle(fallen, policyOf({ ...LENGTHS, [name]: 50, [other]: 260 }), 3)
      assert.deepEqual(both.marks, { ...risen.marks, [other]: 260 })
    })
  }

  it('hold a promotion back until caches with the older, longer max-age know the key', () => {
    const ring = settle(EMPTY_RING, policyOf({ ...LENGTHS, interval: 2000, lead: 1005, maxAge: 1000 }), 0)
    const standby = kidOf(ring, 'standby')
    const early = settle(ring, POLICY, 1004)
    assert.equal(stateOf(early, standby), 'standby')
    assert.equal(stateOf(settle(early, POLICY, 1005), standby), 'active')
  })

  it('hold a removal back until tokens with the older, longer lifetime have ended', () => {
    const ring = settle(EMPTY_RING, policyOf({ ...LENGTHS, maxTtl: 5000, retention: 5005 }), 0)
    const first = kidOf(ring, 'active')
    const rotated = settle(ring, POLICY, 1000)
    assert.equal(stateOf(rotated, first), 'retired')
    const early = settle(rotated, POLICY, 1000 + 5004)
    assert.equal(stateOf(early, first), 'retired')
    assert.equal(stateOf(settle(early, POLICY, 1000 + 5005), first), 'gone')
  })
})

describe('longestView()', () => {
  it('counts what (1) leaves spare where that is less than what (2) does, and the other way round', () => {
    assert.equal(longestView(policyOf({ ...LENGTHS, lead: 105 + 7, retention: 105 + 70 }).timing, NO_MARKS), 12)
    assert.equal(longestView(policyOf({ ...LENGTHS, lead: 105 + 70, retention: 105 + 7 }).timing, NO_MARKS), 12)
  })
})
