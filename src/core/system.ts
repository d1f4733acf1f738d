/** This room holds what every room may use: strict readers, time, events. Read result.ts first, then event.ts. */

import type { Emit } from './event.ts'
import type { RandomBytes } from './random.ts'
import type { Clock, Elapsed } from './time.ts'

/** What a server needs from outside, so that a test can provide it. */
export interface System {
  readonly now: Clock
  readonly elapsed: Elapsed
  readonly randomBytes: RandomBytes
  /** Where events go besides the audit log. */
  readonly emit: Emit
}
