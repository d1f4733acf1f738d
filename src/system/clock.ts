/** This room reads the clock, random bytes and private files, and writes the log. Read private-file.ts first. */

import type { Clock, Elapsed, Instant, Seconds } from '../core/time.ts'

/** The clock of this machine, in seconds with milliseconds. */
export const systemClock: Clock = () => (Date.now() / 1000) as Instant

/** The monotonic clock of this machine. */
export const systemElapsed: Elapsed = () => (performance.now() / 1000) as Seconds
