import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { advance } from '../../src/keyring/advance.ts'
import type { Timing } from '../../src/keyring/policy.ts'
import type { Key } from '../../src/keyring/ring.ts'
import { policyOf } from '../support/keys.ts'
import { boundsOf, explore, type Small } from './exploration.ts'

type Rules = NonNullable<Small['rules']>

const policyFor = (clockError: number): Small['policy'] =>
  policyOf(boundsOf({ clockError, maxAge: 1, maxTtl: 1, propagation: 1 }))
const [EXACT, WRONG]: readonly Small[] = [
  { policy: policyFor(0), offsets: [0, 0] },
  { policy: policyFor(1), offsets: [-1, 1] },
]
const LATE: Small | undefined = EXACT && { ...EXACT, late: true }
/** More states than any of the faults needs. */
const MOST = 20_000

/** The rules over lengths that are so many ticks longer or shorter than those in force. */
const over = (ticks: Partial<Record<keyof Timing, number>>): Rules => (ring, input) => {
  const changed = Object.entries(ticks).map(([name, more]) => [name, input.policy.timing[name as keyof Timing] + more])
  const timing = { ...input.policy.timing, ...Object.fromEntries(changed), lead: 0, retention: 0 } as Timing
  return advance(ring, { ...input, policy: { ...input.policy, timing } })
}

/** The rules, with the keys that they answer changed. */
const mending = (change: (keys: readonly Key[], now: number) => readonly Key[]): Rules => (ring, input) => {
  const step = advance(ring, input)
  return step.ring === ring ? step : { ...step, ring: { ...step.ring, keys: change(step.ring.keys, input.now) } }
}

/** Faults of the rules, and the world that shows each. */
const FAULTS: readonly (readonly [what: string, small: Small | undefined, rules: Rules])[] = [
  ['(1) without a tick of R', EXACT, over({ propagation: -1, maxTtl: 1 })],
  ['(1) without a tick of M', EXACT, over({ maxAge: -1 })],
  ['(1) without D', WRONG, over({ clockError: -1, maxTtl: 3 })],
  ['(2) without a tick of R', EXACT, over({ propagation: -1, maxAge: 1 })],
  ['(2) without a tick of T', EXACT, over({ maxTtl: -1 })],
  ['(2) without D', WRONG, over({ clockError: -1, maxAge: 2 })],
  ['a standby whose lead starts when it is made', LATE, mending((keys, now) =>
    keys.map((key) => key.state === 'standby' && key.publishedAt === undefined ? { ...key, publishedAt: now } as Key : key))],
  ['an active key that retires without a successor', EXACT, mending((keys) => keys.filter(({ state }) => state !== 'active'))],
  ['a promotion that retires nothing', EXACT, (ring, input) => {
    const step = advance(ring, input)
    const kept = ring.keys.filter((key) => key.state === 'active')
    const keys = step.ring.keys.map((key) => kept.find(({ jwk }) => jwk.kid === key.jwk.kid) ?? key)
    return { ...step, ring: { ...step.ring, keys } }
  }],
  ['a retired key that goes at once', EXACT, mending((keys) => keys.filter(({ state }) => state !== 'retired'))],
]

describe('every state of two replicas on one store', () => {
  it('keeps the promise at the bounds of (1), (2) and (3), up to the last state', (context) => {
    const { states, isWhole, story } = explore(EXACT as Small, Infinity)
    context.diagnostic(`${states} states`)
    assert.deepEqual(story, undefined)
    assert.ok(isWhole && states > 5000)
  })

  for (const [what, small, rules] of FAULTS) {
    it(`shows a shortest way to a failure for ${what}`, (context) => {
      const { states, story } = explore({ ...small as Small, rules }, MOST)
      assert.ok(story !== undefined, `not found in ${states} states`)
      context.diagnostic(story.join('; '))
      assert.match(story.at(-1) ?? '', /without|sign/)
    })
  }
})
