import type { Emit } from '../core/event.ts'
import type { Result } from '../core/result.ts'
import type { KeyringFault } from './fault.ts'
import type { HighWaterMarks, Policy } from './policy.ts'
import type { Committed, ReplicaDeps } from './replica.ts'

/** What a keyring needs of the world. */
export interface KeyringDeps extends ReplicaDeps {
  /** The policy in force over a store whose earlier policies left these marks. */
  readonly policy: (marks: HighWaterMarks) => Policy
  readonly emit: Emit
  /** Compares the ring that was found with other records of it, before anything is committed. */
  readonly judge?: ((held: Committed | undefined) => Promise<Result<void, KeyringFault>>) | undefined
}
