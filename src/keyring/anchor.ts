import { ok } from '../core/result.ts'
import { after, between, type Instant } from '../core/time.ts'
import { advance } from './advance.ts'
import type { Anchoring } from './anchored.ts'
import type { Decision } from './moves.ts'
import { leastLead } from './policy.ts'
import type { LogHead, Ring } from './ring.ts'

/** What an operator accepted although another record knows better. */
export interface Accepted {
  /** The next generation lies above this one, the newest that any record knows. */
  readonly generation: number
  /** The place of a log that may begin anew. */
  readonly place: string | undefined
  /** Why an older ring was accepted; undefined if it is the newest. */
  readonly reason: string | undefined
}

const MAX_HEADS = 64

/**
 * Makes the accepted ring the newest. After an older one nothing signs until every cache has the key set that follows:
 * some may hold a set that lacks its active key.
 */
export function accepting({ generation, place, reason }: Accepted): Decision<never> {
  return (ring, input) => {
    const { now, policy } = input
    const restored = reason === undefined ? ring.restored
      : { at: now, signsAt: after(now, leastLead(policy.timing, ring.marks)), reason }
    const heads = ring.heads?.filter((head) => head.place !== place)
    return ok(advance({ ...ring, heads, restored, generation: Math.max(ring.generation, generation) }, input))
  }
}

/**
 * The ring with the present head of the log, if the ring is new, or the head in it gets old. Heads that nobody renews
 * for the retention leave it, and the oldest beyond 64.
 */
export function anchored(next: Ring, head: Omit<LogHead, 'at'>, { before, now, policy }: Anchoring): Ring {
  const { retention } = policy.timing
  const own = next.heads?.find(({ chain }) => chain === head.chain)
  const isRecent = own !== undefined && (own.seq === head.seq || between(own.at, now) < retention / 2)
  if (next === before && isRecent) return next
  const others = next.heads?.filter(({ chain, at }) => chain !== head.chain && between(at, now) < retention) ?? []
  return { ...next, heads: [...others, { ...head, at: now }].slice(-MAX_HEADS) }
}

/** Ends the wait after a restore, on the order of an operator. */
export function signNow(ring: Ring, now: Instant): Ring {
  const { restored } = ring
  return restored === undefined || restored.signsAt <= now ? ring : { ...ring, restored: { ...restored, signsAt: now } }
}
