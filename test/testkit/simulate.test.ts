import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instant, never, seconds } from '../../src/core/time.ts'
import { advance } from '../../src/keyring/advance.ts'
import { believing } from '../../src/keyring/believing.ts'
import { NO_MARKS, type Policy } from '../../src/keyring/policy.ts'
import { proof } from '../../src/keyring/proof.ts'
import { EMPTY_RING, type Ring } from '../../src/keyring/ring.ts'
import { type Life, replay, type Replay } from '../../src/testkit/simulate/schedule.ts'
import { type Outcome, simulate } from '../../src/testkit/simulate/simulate.ts'
import { VERIFIER_KINDS } from '../../src/testkit/simulate/verifier-kinds.ts'
import { policyOf, shapedKey } from '../support/keys.ts'
import { seeded, type Seeded } from '../support/random.ts'

const DAY = 86_400

/** A policy whose lead and retention are exactly at the bounds of (1) and (2), less what is missing. */
function policyAtBounds(random: Seeded, missing: { lead?: number; retention?: number } = {}): Policy {
  const [cacheLayers, maxAge] = [random.int(1, 3), random.int(60, 600)]
  const [clockError, propagation] = [random.int(0, 90), random.int(1, 20)]
  const [maxTtl, leeway] = [random.int(60, 4000), random.int(0, 300)]
  const lead = propagation + cacheLayers * maxAge + 2 * clockError - (missing.lead ?? 0)
  const retention = propagation + maxTtl + leeway + 3 * clockError - (missing.retention ?? 0)
  const interval = lead + propagation + random.int(0, 5000)
  return policyOf({ interval, lead, retention, maxAge, ttl: 1, maxTtl, cacheLayers, propagation, clockError, leeway })
}

function trialOf(policy: Policy, random: Seeded, more: Partial<Replay> = {}): Replay {
  const { interval, clockError } = policy.timing
  const outage = seconds(random.pick([0, random.int(1, interval)]))
  return { policy, span: seconds(12 * interval), skew: clockError, outage, ...more }
}

/** How the verifiers fare to whom the promise is made. */
function promised(trial: Replay): Outcome {
  return simulate(trial).outcomes.find(({ kind }) => kind.isPromised) as Outcome
}

function outcome(trial: Replay, name: string): Outcome {
  return simulate(trial).outcomes.find(({ kind }) => kind.name === name) as Outcome
}

describe('simulate()', () => {
  it('finds no failure for a verifier that honours max-age where the bounds are met exactly', () => {
    const random = seeded(1)
    for (let each = 0; each < 60; each += 1) {
      const trial = trialOf(policyAtBounds(random), random)
      assert.ok(proof(trial.policy.timing, NO_MARKS).every(({ holds }) => holds))
      const { tried, failed, first } = promised(trial)
      assert.ok(tried > 100)
      assert.equal(failed, 0, JSON.stringify({ trial, first }))
    }
  })

  for (const [what, missing, more] of [
    ['the lead is a second below its bound', { lead: 1 }, 0],
    ['the retention is a second below its bound', { retention: 1 }, 0],
    ['clocks are a second worse than was declared', {}, 1],
  ] as const) {
    it(`finds failures where ${what}`, () => {
      const random = seeded(2)
      for (let each = 0; each < 30; each += 1) {
        const policy = policyAtBounds(random, missing)
        const skew = seconds(policy.timing.clockError + more)
        const { failed, share, first } = promised(trialOf(policy, random, { skew }))
        assert.ok(failed > 0 && share > 0 && first !== undefined, JSON.stringify(policy))
      }
    })
  }

  it('runs the schedule of the real rules: nothing is due just before a moment, and the right thing at it', () => {
    const random = seeded(3)
    for (let each = 0; each < 50; each += 1) {
      const trial = trialOf(policyAtBounds(random), random, { skew: seconds(0), outage: seconds(0) })
      follow(replay(trial).lives, trial.policy, trial.span)
    }
  })

  it('counts the share of failing verifiers as a count of all of them does', () => {
    const policy = policyOf({
      interval: 300, lead: 30, retention: 100, maxAge: 280, maxTtl: 120, cacheLayers: 1, propagation: 4, clockError: 0,
      leeway: 0,
    })
    const trial = { policy, span: seconds(6000), skew: seconds(0), outage: seconds(0) }
    const { lives } = replay(trial)
    const { share, tried } = outcome(trial, 'honours max-age')
    const counted = countAll(lives, policy, trial.span)
    assert.ok(share > 0.01)
    assert.ok(Math.abs(share - counted.share) < 0.001, `${share} of ${tried}, counted ${counted.share}`)
  })

  it('lets a verifier that refetches on an unknown kid pass where one with a period fails', () => {
    const policy = policyOf({ lead: 3600 })
    const trial = { policy, span: seconds(100 * DAY), skew: seconds(60), outage: seconds(0) }
    assert.equal(outcome(trial, 'refetches on an unknown kid').failed, 0)
    assert.ok(outcome(trial, 'refreshes every 24 h').failed > 0)
    assert.ok(outcome(trial, 'never refetches').share > 0.5)
  })

  it('finds no failure of any verifier that refetches at all under the usual settings', () => {
    const trial = { policy: policyOf(), span: seconds(182 * DAY), skew: seconds(60), outage: seconds(3 * 3600) }
    const failing = simulate(trial).outcomes.filter(({ failed }) => failed > 0)
    assert.deepEqual(failing.map(({ kind }) => kind.name), ['never refetches'])
    assert.equal(VERIFIER_KINDS.length, 6)
  })

  it('makes no promotion while the store is out of reach, and no token once a replica must stop', () => {
    const policy = policyOf()
    const [span, outage] = [seconds(100 * DAY), seconds(20 * DAY)]
    const { outages, lives } = replay({ policy, span, skew: seconds(60), outage })
    assert.ok(outages.length > 1)
    for (const { from, to } of outages) assert.ok(lives.every(({ activeAt }) => activeAt <= from || activeAt >= to))
  })
})

/** Puts the real rules, with every bound that they keep to, beside the lives that were found. */
function follow(lives: readonly Life[], policy: Policy, span: number): void {
  const momentsOf = ({ publishedAt, activeAt, retiredAt, removedAt }: Life): readonly number[] =>
    [publishedAt, activeAt, retiredAt, removedAt]
  const moments = [...new Set(lives.flatMap(momentsOf))]
    .filter((at) => at !== never && at <= span).toSorted((one, other) => one - other)
  let ring: Ring = EMPTY_RING
  for (const at of moments) {
    const before = { policy, watch: believing, now: instant(at - 0.5), fresh: [] }
    if (ring !== EMPTY_RING) assert.equal(advance(ring, before).ring, ring, `something is due before ${at}`)
    ring = settled(ring, policy, at, lives.some(({ publishedAt }) => publishedAt === at))
    const published = lives.filter(({ publishedAt, removedAt }) => publishedAt <= at && at < removedAt)
    const states = published.map(({ activeAt, retiredAt }) =>
      at < activeAt ? 'standby' : at < retiredAt ? 'active' : 'retired')
    assert.deepEqual(ring.keys.map(({ state }) => state).toSorted(), states.toSorted(), `at ${at}`)
  }
}

/** Advances until nothing is left to do at that moment; a key is at hand when one was published then. */
function settled(ring: Ring, policy: Policy, now: number, hasKey: boolean): Ring {
  const { ring: next } = advance(ring, { policy, watch: believing, now: instant(now), fresh: hasKey ? [shapedKey('ES256')] : [] })
  return next === ring ? ring : settled(next, policy, now, hasKey)
}

/** The share of failing verifications, by trying each reading second for each token. */
function countAll(lives: readonly Life[], { timing }: Policy, span: number): { readonly share: number } {
  const { maxAge, propagation, maxTtl } = timing
  let [tried, failed] = [0, 0]
  for (const key of lives.filter(({ activeAt }) => activeAt !== never)) {
    for (let mintedAt = key.activeAt + 1; mintedAt <= Math.min(key.retiredAt, span); mintedAt += 1) {
      for (const usedAt of [mintedAt, mintedAt + maxTtl - 0.001]) {
        for (let age = 0.5; age < maxAge; age += 1) {
          const readAt = usedAt - age
          tried += 1
          const isServed = key.number === 1 || readAt >= key.publishedAt + propagation
          if (!isServed || readAt >= key.removedAt) failed += 1
        }
      }
    }
  }
  return { share: failed / tried }
}
