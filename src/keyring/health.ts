import type { Seconds } from '../core/time.ts'

/** How a keyring stands with its store. */
export interface Health {
  /** Whether its view is fresh enough to sign and to publish. */
  readonly ready: boolean
  /** Whether the last exchange with the store succeeded. */
  readonly inStep: boolean
  /** Seconds since the store was last read. */
  readonly viewAge: Seconds
}
