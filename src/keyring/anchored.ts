import type { Result } from '../core/result.ts'
import type { Instant } from '../core/time.ts'
import type { KeyringDeps } from './deps.ts'
import type { KeyringFault } from './fault.ts'
import type { Decision } from './moves.ts'
import type { Policy } from './policy.ts'
import type { Committed } from './replica.ts'
import type { Ring } from './ring.ts'

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

/** What a keyring needs of the world, with its other records if there are any. */
export interface AnchoredDeps extends KeyringDeps {
  readonly anchor?: Anchor | undefined
}
