import { type Seconds, seconds } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'

/** Every length of time and count that the rotation promise rests on. */
export interface Timing {
  /** I: from one promotion of a line to the next. */
  readonly interval: Seconds
  /** P: a key is published this long before it signs. */
  readonly lead: Seconds
  /** K: a key stays published this long after it stopped signing. */
  readonly retention: Seconds
  /** M: caches may keep the JWK Set this long. */
  readonly maxAge: Seconds
  /** Lifetime of a token whose request names none. */
  readonly ttl: Seconds
  /** T: longest lifetime that a request can obtain. */
  readonly maxTtl: Seconds
  /** H: caches between us and a verifier, each of which may add a whole max-age. */
  readonly cacheLayers: number
  /** R: until every replica serves a committed ring. */
  readonly propagation: Seconds
  /** D: largest error of a replica's clock. */
  readonly clockError: Seconds
  /** L: what verifiers grant beyond `exp`. */
  readonly leeway: Seconds
}

/** What rules the ring of one server. */
export interface Policy {
  readonly timing: Timing
  /** One line of keys each; the first is the default. */
  readonly algs: readonly [Alg, ...Alg[]]
  readonly rsaBits: number
  /** The public half of a key stays in the history this long after its removal. */
  readonly history: Seconds
}

/** What was handed out and cannot be called back: the largest values that were ever in force for a store. */
export interface HighWaterMarks {
  readonly maxTtl: Seconds
  readonly maxAge: Seconds
}

/** One inequality of the promise with its two sides in seconds; line 4 only reports, and always holds. */
export interface ProofLine {
  /** 1 to 4. */
  readonly number: number
  readonly meaning: string
  /** The option on the left side, without dashes; line 4 has no option. */
  readonly name: string
  readonly value: number
  /** The right side as a sum of options, and its value. */
  readonly terms: string
  readonly bound: number
  /** The option to lower when the line does not hold. */
  readonly lower: string
  readonly holds: boolean
}

const HOUR = 3600
/** Seconds: clocks differ by a little even where they are said to be right. */
const LEAST_BACKDATE = 10
const DAY = 24 * HOUR

/** The value of each length that is in force when nothing is said about it. */
export const DEFAULT_TIMING: Pick<Timing, 'interval' | 'cacheLayers' | 'propagation' | 'clockError' | 'leeway'> = {
  interval: seconds(7 * DAY),
  cacheLayers: 2,
  propagation: seconds(5),
  clockError: seconds(60),
  leeway: seconds(300),
}

/** The history of a court file: ten years. */
export const DEFAULT_HISTORY: Seconds = seconds(3650 * DAY)

/** Rotates while one watches: everything happens within two minutes. */
export const FAST_TIMING: Partial<Timing> = {
  interval: seconds(60),
  retention: seconds(21),
  maxTtl: seconds(20),
  cacheLayers: 1,
  propagation: seconds(1),
  clockError: seconds(0),
  leeway: seconds(0),
}

/** No mark yet: what a store without a ring starts from. */
export const NO_MARKS: HighWaterMarks = { maxTtl: seconds(0), maxAge: seconds(0) }

/** Completes what was set: each length that is missing follows from the others so that the promise holds, if it can. */
export function resolveTiming(set: Partial<Timing>, marks: HighWaterMarks): Timing {
  const base = { ...DEFAULT_TIMING, ...set }
  const { interval, cacheLayers, propagation, clockError } = base
  const lead = set.lead ?? seconds(Math.min(48 * HOUR, interval / 2))
  const maxTtl = set.maxTtl ?? seconds(Math.max(HOUR, set.ttl ?? 0))
  const cacheable = Math.floor((lead - propagation - 2 * clockError) / cacheLayers)
  const partial = {
    ...base,
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
  const maxAge = Math.max(timing.maxAge, marks.maxAge)
  return seconds(timing.propagation + timing.cacheLayers * maxAge + 2 * timing.clockError)
}

/** Right side of (2): this long after a key stopped signing, nobody accepts a token of it any more. */
export function leastRetention(timing: Omit<Timing, 'retention'>, marks: HighWaterMarks): Seconds {
  const maxTtl = Math.max(timing.maxTtl, marks.maxTtl)
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

/** Seconds that `nbf` lies before `iat`: a token is valid at once even if this clock is ahead by its largest error. */
export function backdateOf({ clockError }: Timing): Seconds {
  return seconds(Math.max(LEAST_BACKDATE, clockError))
}

/** Right side of (4): a verifier may still accept a revoked key for this long. */
export function exposure(timing: Timing, marks: HighWaterMarks): Seconds {
  return seconds(leastLead(timing, marks) - 2 * timing.clockError)
}

/** The inequalities of the promise with their numbers. The promise holds when every line does. */
export function proof(timing: Timing, marks: HighWaterMarks): readonly ProofLine[] {
  const { interval, lead, retention, cacheLayers, propagation, clockError, leeway } = timing
  const maxAge = Math.max(timing.maxAge, marks.maxAge)
  const maxTtl = Math.max(timing.maxTtl, marks.maxTtl)
  const caching = `propagation ${propagation} + cache-layers ${cacheLayers} * jwks-max-age ${maxAge}`
  const lines: readonly Omit<ProofLine, 'number' | 'holds'>[] = [
    {
      meaning: 'no token under a key that an honouring cache may lack',
      name: 'lead',
      value: lead,
      terms: `${caching} + 2 * clock-error ${clockError}`,
      bound: leastLead(timing, marks),
      lower: 'jwks-max-age',
    },
    {
      meaning: 'no key removed while a token of it can still be accepted',
      name: 'retention',
      value: retention,
      terms: `propagation ${propagation} + max-ttl ${maxTtl} + leeway ${leeway} + 3 * clock-error ${clockError}`,
      bound: leastRetention(timing, marks),
      lower: 'max-ttl',
    },
    {
      meaning: 'at most one standby per algorithm',
      name: 'rotation-interval',
      value: interval,
      terms: `lead ${lead} + propagation ${propagation}`,
      bound: lead + propagation,
      lower: 'lead',
    },
    {
      meaning: 'a verifier may still accept a revoked key for this long; reported, not promised shorter',
      name: 'exposure',
      value: exposure(timing, marks),
      terms: caching,
      bound: exposure(timing, marks),
      lower: '',
    },
  ]
  return lines.map((line, at) => ({ ...line, number: at + 1, holds: line.value >= line.bound }))
}

/** One line of the proof as a person reads it, in seconds, without its meaning. */
export function proofText({ number, name, value, terms, bound, holds }: ProofLine): string {
  const left = number === 4 ? `${name} <=` : `${name} ${value} >=`
  return `(${number}) ${left} ${terms} = ${bound}${holds ? '' : '  FAILS'}`
}

/** What is wrong with a line that does not hold, and what to do about it. */
export function unsafeText({ number, name, value, terms, bound, lower }: ProofLine): string {
  return `Unsafe (${number}): ${name} is ${value} s but must be at least ${bound} s = ${terms}. ` +
    `Set --${name} ${bound}s, or lower --${lower}`
}
