import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { longestView, NO_MARKS } from '../../src/keyring/policy.ts'
import { proof } from '../../src/keyring/proof.ts'
import { seeded } from '../support/random.ts'
import { randomWorld, type Shortfall, simulate, type Tally, type World } from './simulation.ts'
import { shareOf } from '../support/share.ts'

const NONE: Shortfall = { lead: 0, retention: 0 }
const SEED = 20_261_123
const MANY = shareOf(1_000_000)

/** Runs worlds until so many verifications were tried. */
function tryMany(trials: number, make: (random: ReturnType<typeof seeded>) => World): Tally {
  const random = seeded(SEED)
  const failures: string[] = []
  let tried = 0
  while (tried < trials) {
    const tally = simulate(make(random), random)
    tried += tally.trials
    failures.push(...tally.failures)
  }
  return { trials: tried, failures }
}

describe('the rotation promise', () => {
  it(`holds at the bounds of (1) and (2) in ${MANY} verifications over random policies`, (context) => {
    const { trials, failures } = tryMany(MANY, (random) => randomWorld(random, NONE))
    context.diagnostic(`${trials} verifications, ${failures.length} failures`)
    assert.deepEqual(failures.slice(0, 3), [])
  })

  it('breaks 30 s below the bound of (1)', (context) => {
    const { trials, failures } = tryMany(50_000, (random) => randomWorld(random, { lead: 30, retention: 0 }))
    context.diagnostic(`${trials} verifications, ${failures.length} failures`)
    assert.ok(failures.length > 0)
  })

  it('breaks 30 s below the bound of (2)', (context) => {
    const { trials, failures } = tryMany(50_000, (random) => randomWorld(random, { lead: 0, retention: 30 }))
    context.diagnostic(`${trials} verifications, ${failures.length} failures`)
    assert.ok(failures.length > 0)
  })

  it('breaks when clocks are wrong by a minute more than was declared', () => {
    const { failures } = tryMany(50_000, (random) => {
      const world = randomWorld(random, NONE)
      return { ...world, clockError: world.clockError + 60 }
    })
    assert.ok(failures.length > 0)
  })

  it('holds for a replica that lost its store, for as long as longestView() lets it serve', () => {
    const { failures } = tryMany(100_000, (random) => {
      const world = randomWorld(random, NONE, random.int(0, 2000))
      // By its own clock; in true time it may be older by all that the clock can err.
      const { propagation, clockError } = world.policy.timing
      assert.equal(longestView(world.policy.timing, NO_MARKS), Math.max(propagation, world.delay - 2 * clockError))
      assert.ok(proof(world.policy.timing, NO_MARKS).every(({ holds }) => holds))
      return world
    })
    assert.deepEqual(failures.slice(0, 3), [])
  })

  it('breaks when such a replica serves for a minute more', () => {
    const { failures } = tryMany(50_000, (random) => {
      const world = randomWorld(random, NONE, random.int(0, 2000))
      return { ...world, delay: world.delay + 60 }
    })
    assert.ok(failures.length > 0)
  })
})
