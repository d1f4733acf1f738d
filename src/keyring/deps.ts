import type { Emit } from '../core/event.ts'
import type { HighWaterMarks, Policy } from './policy.ts'
import type { ReplicaDeps } from './replica.ts'

/** What a keyring needs of the world. */
export interface KeyringDeps extends ReplicaDeps {
  /** The policy in force over a store whose earlier policies left these marks. */
  readonly policy: (marks: HighWaterMarks) => Policy
  readonly emit: Emit
}
