import { type Clock, type Instant, instant } from '../core/time.ts'

/** The clock of this machine, in seconds with milliseconds. */
export const systemClock: Clock = () => instant(Date.now() / 1000)

/** A moment as RFC 3339 writes it, in UTC. */
export function timestamp(moment: Instant): string {
  return new Date(moment * 1000).toISOString()
}
