/** This room reads the clock, random bytes and private files, and writes the log. Read private-file.ts first. */

import type { Clock, Instant } from '../core/time.ts'

/** The clock of this machine, in seconds with milliseconds. */
export const systemClock: Clock = () => (Date.now() / 1000) as Instant
