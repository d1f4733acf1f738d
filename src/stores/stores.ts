import type { Emit } from '../core/event.ts'
import type { RandomBytes } from '../core/random.ts'
import type { RingStore } from '../keyring/store.ts'
import type { OpenJtis } from '../oauth/jti-store.ts'

/** Where the keys are, and beside them the used and revoked identifiers, which are opened where they are needed. */
export interface Stores {
  readonly ring: RingStore
  readonly openJtis: OpenJtis
}

/** What a store needs of the world. */
export interface StoreSystem {
  readonly randomBytes: RandomBytes
  readonly emit?: Emit | undefined
  /** Whether a store for several machines may be filled: an operator says that it never was. */
  readonly mayCreate?: boolean
}
