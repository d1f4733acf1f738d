import { type Seconds, seconds } from '../core/time.ts'
import type { Timing } from './policy.ts'

/** Clocks differ by a little even where they are said to be right. */
const MIN_BACKDATE_SECONDS = 10

/** Seconds that `nbf` lies before `iat`: a token is valid at once even if this clock is ahead by its largest error. */
export function backdateOf({ clockError }: Timing): Seconds {
  return seconds(Math.max(MIN_BACKDATE_SECONDS, clockError))
}
