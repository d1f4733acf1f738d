import type { Instant } from '../core/time.ts'

/** What a mark means: an assertion or proof that was used up, or a token that was taken back. */
export type Mark = 'used' | 'revoked'

/** Marks that a store holds at most; more of them mean an attack, or a deployment that needs another kind of store. */
export const MAX_MARKS = 100_000

/** Remembers identifiers until nobody could use them any more; bounded, shared by replicas where the key store is. */
export interface JtiStore {
  /** Sets a mark; false when it was set already. Rejects with `StoreUnavailable` when that cannot be known, or kept. */
  mark(mark: Mark, id: string, until: Instant): Promise<boolean>
  /** Whether a mark is set. Rejects like `mark`. */
  isMarked(mark: Mark, id: string): Promise<boolean>
}
