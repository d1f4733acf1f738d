import type { Emit } from '../core/event.ts'
import type { Result } from '../core/result.ts'
import type { Instant } from '../core/time.ts'
import type { KeyringFault } from './fault.ts'
import type { Decision } from './moves.ts'
import type { HighWaterMarks, Policy } from './policy.ts'
import type { Committed, ReplicaDeps } from './replica.ts'
import type { Ring } from './ring.ts'

/** What a keyring needs of the world. */
export interface KeyringDeps extends ReplicaDeps {
  /** The policy in force over a store whose earlier policies left these marks. */
  readonly policy: (marks: HighWaterMarks) => Policy
  readonly emit: Emit
  readonly anchor?: Anchor | undefined
}

/** A ring that is about to be committed, or stays. */
export interface Anchoring {
  readonly before: Ring
  readonly now: Instant
  readonly policy: Policy
}

/** Other records of a ring: the ring holds their head, and they hold its generation, so that an old copy is noticed. */
export interface Anchor {
  /** Compares the ring in the store with the records before any commit; answers what has to be committed first. */
  readonly judge: (held: Committed | undefined) => Promise<Result<Decision<never> | undefined, KeyringFault>>
  /** The ring with the heads of the records: the very ring if it stays and they are recent. */
  readonly anchored: (next: Ring, anchoring: Anchoring) => Ring
  /** Called with each ring that comes into force. */
  readonly served: (ring: Ring, version: string) => void
}
