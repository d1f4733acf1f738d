import { exposure, type HighWaterMarks, leastLead, leastRetention, raiseMarks, type Timing } from './policy.ts'

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

/** The inequalities of the promise with their numbers. The promise holds when every line does. */
export function proof(timing: Timing, marks: HighWaterMarks): readonly ProofLine[] {
  const { interval, lead, retention, cacheLayers, propagation, clockError, leeway } = timing
  const { maxAge, maxTtl } = raiseMarks(marks, timing)
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
