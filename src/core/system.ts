import type { Emit } from './event.ts'
import type { RandomBytes } from './random.ts'
import type { Tally } from './tally.ts'
import type { Clock } from './time.ts'

/** What the whole server takes from the world, so that a test can be the world. */
export interface System {
  readonly now: Clock
  readonly randomBytes: RandomBytes
  /** Where events go besides the audit log. */
  readonly emit: Emit
  /** What is counted in this process. */
  readonly tally: Tally
  /** What was counted by all that serve together. */
  readonly total: () => Tally
}
