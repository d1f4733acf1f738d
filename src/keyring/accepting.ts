import { ok } from '../core/result.ts'
import { after } from '../core/time.ts'
import { advance } from './advance.ts'
import type { Decision, RuleInput } from './moves.ts'
import { leastLead } from './policy.ts'
import type { Restored, Ring } from './ring.ts'

/** What an operator accepted although another record knows better. */
interface Accepted {
  /** The next generation lies above this one, the newest that any record knows. */
  readonly generation: number
  /** The place of a log that may begin anew. */
  readonly place: string | undefined
  /** Why an older ring was accepted; undefined if it is the newest. */
  readonly reason: string | undefined
}

/** Makes the accepted ring the newest. */
export function accepting({ generation, place, reason }: Accepted): Decision<never> {
  return (ring, input) => {
    const restored = reason === undefined ? ring.restored : restoredAt(ring, { ...input, reason })
    const heads = ring.heads?.filter((head) => head.place !== place)
    return ok(advance({ ...ring, heads, restored, generation: Math.max(ring.generation, generation) }, input))
  }
}

/**
 * After an older ring nothing signs until every cache has the key set that follows: some may hold a set that lacks its
 * active key.
 */
export function restoredAt(
  { marks }: Pick<Ring, 'marks'>,
  { now, policy, reason }: Pick<RuleInput, 'now' | 'policy'> & Pick<Restored, 'reason'>,
): Restored {
  return { at: now, signsAt: after(now, leastLead(policy.timing, marks)), reason }
}
