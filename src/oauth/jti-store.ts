import type { Instant } from '../core/time.ts'

/** What a mark means: an assertion or proof was used, or a token was revoked. */
export type Mark = 'used' | 'revoked'

/** A store holds at most so many marks; more mean an attack, or a deployment that needs another kind of store. */
export const MAX_MARKS = 100_000

/** Remembers identifiers until they expire; bounded, and shared by replicas where the key store is. */
export interface JtiStore {
  /** Sets a mark; false when it was set already. Rejects with `StoreUnavailable` when it cannot be read or written. */
  mark(mark: Mark, id: string, until: Instant): Promise<boolean>
  /** Whether a mark is set. Rejects like `mark`. */
  isMarked(mark: Mark, id: string): Promise<boolean>
}
