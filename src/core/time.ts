import type { Brand } from './brand.ts'

/** A length of time in seconds. */
export type Seconds = Brand<number, 'Seconds'>

/** A moment in seconds since 1970-01-01T00:00:00Z, with fractions (NumericDate, RFC 7519 section 2). */
export type Instant = Brand<number, 'Instant'>

/** Returns the present moment; it may jump in both directions. */
export type Clock = () => Instant

/** Returns seconds since some moment, by a clock that nobody can set; it may stand still on a suspended machine. */
export type Elapsed = () => Seconds

/** The clocks of a process. */
export interface Clocks {
  readonly now: Clock
  readonly elapsed: Elapsed
}

/** Brands a number of seconds. */
export function seconds(length: number): Seconds {
  return length as Seconds
}

/** Brands a number of seconds since the epoch. */
export function instant(sinceEpoch: number): Instant {
  return sinceEpoch as Instant
}

/** The moment `length` seconds after `start`; a negative length lies before it. */
export function after(start: Instant, length: Seconds): Instant {
  return (start + length) as Instant
}

/** Seconds from `start` to `end`; negative when `end` lies before `start`. */
export function between(start: Instant, end: Instant): Seconds {
  return (end - start) as Seconds
}

/** The later of two moments. */
export function later(one: Instant, other: Instant): Instant {
  return one > other ? one : other
}

/** The earliest of the given moments; `never` when there is none. */
export function earliest(moments: Iterable<Instant>): Instant {
  return Math.min(...moments) as Instant
}

/** Later than every moment. */
export const never: Instant = Infinity as Instant

/** The whole second that `moment` lies in, as a NumericDate claim carries it (RFC 7519 section 2). */
export function numericDate(moment: Instant): number {
  return Math.floor(moment)
}

/** A moment as RFC 3339 writes it, in UTC and with milliseconds. */
export function timestamp(moment: Instant): string {
  return new Date(moment * 1000).toISOString()
}
