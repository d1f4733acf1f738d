import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seconds } from '../../src/core/time.ts'
import { longestView, NO_MARKS, type Timing } from '../../src/keyring/policy.ts'
import { proof, proofText } from '../../src/keyring/proof.ts'
import { unsafeText } from '../../src/keyring/unusable.ts'
import { type Lengths, timingOf } from '../support/keys.ts'

const holds = (set: Timing): readonly boolean[] => proof(set, NO_MARKS).map((line) => line.holds)

describe('resolveTiming()', () => {
  it('derives the rest from an interval alone', () => {
    const { lead, retention, maxAge, ttl, maxTtl } = timingOf({ interval: 3600 })
    assert.deepEqual([lead, retention, maxAge, ttl, maxTtl], [1800, 4085, 300, 900, 3600])
  })

  it('shortens max-age before it breaks the promise', () => {
    const set = timingOf({ interval: 600 })
    assert.deepEqual([set.lead, set.maxAge], [300, 87])
    assert.deepEqual(holds(set), [true, true, true, true])
  })

  it('leaves an interval too short for any cache to fail the proof', () => {
    assert.equal(timingOf({ interval: 60 }).maxAge, 1)
    assert.equal(holds(timingOf({ interval: 60 }))[0], false)
  })

  it('lets the longest lifetime follow a longer default one', () => {
    assert.equal(timingOf({ ttl: 7200 }).maxTtl, 7200)
    assert.equal(timingOf({ maxTtl: 60 }).ttl, 60)
  })

  it('keeps for longer what an earlier policy handed out', () => {
    const marks = { maxTtl: seconds(30 * 86_400), maxAge: seconds(86_400) }
    const set = timingOf({}, marks)
    assert.equal(set.retention, 30 * 86_400 + 485)
    const held = proof(set, marks).map((line) => line.holds)
    assert.deepEqual(held, [false, true, true, true], 'a lead of 48 h is not enough')
  })
})

describe('proof()', () => {
  const base = timingOf({})
  const at = (change: Lengths): Timing => ({ ...base, ...change as Partial<Timing> })
  const caching = 'propagation 5 + cache-layers 2 * jwks-max-age 300'

  for (const [line, name, bound] of [[0, 'lead', 725], [1, 'retention', 4085], [2, 'interval', 172_805]] as const) {
    it(`holds line (${line + 1}) at its bound, and not one second below`, () => {
      assert.equal(holds(at({ [name]: bound }))[line], true)
      assert.equal(holds(at({ [name]: bound - 1 }))[line], false)
    })
  }

  it('counts what was handed out before, not what is set now', () => {
    const marks = { maxTtl: seconds(90_000), maxAge: seconds(90_000) }
    assert.deepEqual(proof(base, marks).map((line) => line.holds), [false, false, true, true])
  })

  it('says what is wrong with a line that does not hold, and what to do', () => {
    const [first, second, third] = proof(at({ lead: 600, retention: 4000, interval: 500 }), NO_MARKS).map(unsafeText)
    assert.equal(first, `Unsafe (1): lead is 600 s but must be at least 725 s = ${caching} + 2 * clock-error 60. ` +
      'Set --lead 725s, or lower --jwks-max-age')
    assert.match(second ?? '', /^Unsafe \(2\): retention is 4000 s but .* at least 4085 s = .*, or lower --max-ttl$/)
    assert.match(third ?? '', /^Unsafe \(3\): .* 500 s .*\. Set --rotation-interval 605s, or lower --lead$/)
  })

  it('reads as a line with its numbers', () => {
    const [first, , , last] = proof(at({ lead: 700 }), NO_MARKS).map(proofText)
    assert.equal(first, `(1) lead 700 >= ${caching} + 2 * clock-error 60 = 725  FAILS`)
    assert.equal(last, `(4) exposure <= ${caching} = 605`)
  })
})

describe('longestView()', () => {
  it('is the propagation at the bounds, and grows with what is spare beyond the error of a clock', () => {
    const tight = { ...timingOf({}), lead: seconds(725), retention: seconds(4085) }
    assert.equal(longestView(tight, NO_MARKS), 5)
    assert.equal(longestView({ ...tight, lead: seconds(945), retention: seconds(4255) }, NO_MARKS), 55)
  })

  it('leaves nothing to a clock that may err by more than is spare, and is never less than the propagation', () => {
    assert.equal(longestView({ ...timingOf({}), lead: seconds(845), retention: seconds(4205) }, NO_MARKS), 5)
    assert.equal(longestView(timingOf({}), { maxTtl: seconds(1e6), maxAge: seconds(1e6) }), 5)
  })
})
