import { type Seconds, seconds } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'

/** The lengths of time, and the one count, in the promise. */
export interface Timing {
  /** I: from one promotion of a line to the next. */
  readonly interval: Seconds
  /** P: a key is published this long before it signs. */
  readonly lead: Seconds
  /** K: a key stays published this long after it stopped signing. */
  readonly retention: Seconds
  /** M: caches may keep the JWK Set this long. */
  readonly maxAge: Seconds
  /** Default lifetime of a token. */
  readonly ttl: Seconds
  /** T: longest lifetime that a request can obtain. */
  readonly maxTtl: Seconds
  /** H: caches between us and a verifier, each of which may add a whole max-age. */
  readonly cacheLayers: number
  /** R: until every replica serves a committed ring. */
  readonly propagation: Seconds
  /** D: largest error of a replica's clock. */
  readonly clockError: Seconds
  /** L: verifiers accept a token this long after `exp`. */
  readonly leeway: Seconds
}

/** What is set of a timing; `resolveTiming` derives the rest. */
export type TimingSettings =
  & Pick<Timing, 'interval' | 'cacheLayers' | 'propagation' | 'clockError' | 'leeway'>
  & Partial<Timing>

/** The settings of the keys of one server. */
export interface Policy {
  readonly timing: Timing
  /** One line of keys each; the first is the default. */
  readonly algs: readonly [Alg, ...Alg[]]
  /** New keys of these algorithms are published in sets of their own. */
  readonly separate?: readonly Alg[] | undefined
  readonly rsaBits: number
  /** The public half of a key stays in the history this long after its removal. */
  readonly history: Seconds
}

/** The largest values that were ever in force for a store: tokens and cached sets of them may still be in use. */
export interface HighWaterMarks {
  readonly maxTtl: Seconds
  readonly maxAge: Seconds
}

const HOUR = 3600
const DAY = 24 * HOUR

/** No mark yet: what a store without a ring starts from. */
export const NO_MARKS: HighWaterMarks = { maxTtl: seconds(0), maxAge: seconds(0) }

/** The marks once this timing was in force too; the very marks that were given if it raises none. */
export function raiseMarks(marks: HighWaterMarks, { maxTtl, maxAge }: HighWaterMarks): HighWaterMarks {
  if (marks.maxTtl >= maxTtl && marks.maxAge >= maxAge) return marks
  return { maxTtl: seconds(Math.max(marks.maxTtl, maxTtl)), maxAge: seconds(Math.max(marks.maxAge, maxAge)) }
}

/** Derives each length that is not set from the others, so that the promise holds if it can. */
export function resolveTiming(set: TimingSettings, marks: HighWaterMarks): Timing {
  const { interval, cacheLayers, propagation, clockError } = set
  const lead = set.lead ?? seconds(Math.min(48 * HOUR, interval / 2))
  const maxTtl = set.maxTtl ?? seconds(Math.max(HOUR, set.ttl ?? 0))
  const cacheable = Math.floor((lead - propagation - 2 * clockError) / cacheLayers)
  const partial = {
    ...set,
    lead,
    maxTtl,
    ttl: set.ttl ?? seconds(Math.min(900, maxTtl)),
    // At least one second, so that a lead too short for any cache fails the proof instead of hiding in a zero.
    maxAge: set.maxAge ?? seconds(Math.max(1, Math.min(300, cacheable))),
  }
  const least = leastRetention(partial, marks)
  return { ...partial, retention: set.retention ?? seconds(Math.max(least, Math.min(DAY, interval))) }
}

/** Right side of (1): a key published this long is known to every cache that honours its max-age. */
export function leastLead(timing: Omit<Timing, 'retention'>, marks: HighWaterMarks): Seconds {
  const { maxAge } = raiseMarks(marks, timing)
  return seconds(timing.propagation + timing.cacheLayers * maxAge + 2 * timing.clockError)
}

/** Right side of (2): this long after a key stopped signing, nobody accepts a token of it any more. */
export function leastRetention(timing: Omit<Timing, 'retention'>, marks: HighWaterMarks): Seconds {
  const { maxTtl } = raiseMarks(marks, timing)
  return seconds(timing.propagation + maxTtl + timing.leeway + 3 * timing.clockError)
}

/** The lead that the ring keeps to: a mark in the store can ask for more than the setting. */
export function leadInForce(timing: Timing, marks: HighWaterMarks): Seconds {
  return seconds(Math.max(timing.lead, leastLead(timing, marks)))
}

/** The retention that the ring keeps to: a mark in the store can ask for more than the setting. */
export function retentionInForce(timing: Timing, marks: HighWaterMarks): Seconds {
  return seconds(Math.max(timing.retention, leastRetention(timing, marks)))
}

/**
 * How old a replica's view of the store may grow, by its own clock, before the replica must stop: a key that it does
 * not know could be signing by then, or a key that it signs with could be gone. These are (1) and (2) solved for R,
 * less what the clock may have erred while it measured.
 */
export function longestView(timing: Timing, marks: HighWaterMarks): Seconds {
  const spare = Math.min(timing.lead - leastLead(timing, marks), timing.retention - leastRetention(timing, marks))
  // Where marks ask for more than was set, the ring waits for it all the same: nothing is lacking, only nothing spare.
  return seconds(timing.propagation + Math.max(0, spare - 2 * timing.clockError))
}

/** Right side of (4): a verifier may still accept a revoked key for this long. */
export function exposure(timing: Timing, marks: HighWaterMarks): Seconds {
  return seconds(leastLead(timing, marks) - 2 * timing.clockError)
}
