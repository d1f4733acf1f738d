import { restoredAt } from './accepting.ts'
import { promoteStandby, remove, type RuleInput } from './moves.ts'
import { NO_MARKS, raiseMarks } from './policy.ts'
import { type Ring, standbyOf } from './ring.ts'

/** What is left after a disaster. */
interface Remains {
  /** The ring of the backup, and the one in the store if there is one. */
  readonly rings: readonly [Ring, ...Ring[]]
  /** The keys that other records name as revoked. */
  readonly revoked: readonly string[]
  /** The newest generation that any record knows. */
  readonly known: number
  readonly reason: string
  /** Whether keys sign at once. */
  readonly isForced: boolean
}

/**
 * The newest of the rings without any key that a record names as revoked, to be committed above every known
 * generation. A standby follows an active key that was revoked: nothing signs before every cache has the key set.
 */
export function merged({ rings, revoked, known, reason, isForced }: Remains, input: RuleInput): Ring {
  const newest = rings.reduce((one, other) => other.generation > one.generation ? other : one)
  const past = new Map(rings.flatMap(({ history }) => history).filter(({ why }) => why === 'revoked')
    .map((key) => [key.jwk.kid, key]))
  const gone = newest.keys.filter(({ jwk: { kid } }) => revoked.includes(kid) || past.has(kid))
  const move = { ...input, changes: [] }
  const left = remove(newest, { gone, why: 'revoked', reason }, move)
  const led = gone.flatMap(({ state, jwk }) => state === 'active' ? standbyOf(left.keys, jwk.alg) ?? [] : [])
    .reduce((ring, standby) => promoteStandby(ring, standby, move), left)
  const marks = rings.map((ring) => ring.marks).reduce(raiseMarks, NO_MARKS)
  const restored = restoredAt({ marks }, { ...input, reason })
  return {
    ...led,
    marks,
    // Who revoked a key, and why, stays as it was recorded.
    history: [...led.history.filter(({ jwk }) => !past.has(jwk.kid)), ...past.values()],
    generation: Math.max(known, newest.generation),
    restored: isForced ? { ...restored, signsAt: input.now } : restored,
  }
}
