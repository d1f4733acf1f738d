import type { Clock, Instant, Seconds } from '../core/time.ts'

/**
 * What one client may have in store of each kind until it expires: more used identifiers are refused, more revocations
 * become one of all its tokens. No client can fill what another one needs.
 */
export const MAX_MARKS_PER_CLIENT = 10_000

/** An identifier that a client used, or that of a token of its own. */
export interface Identifier {
  readonly client: string
  readonly id: string
  readonly until: Instant
}

/** Remembers identifiers until they expire, as far as the key store reaches. All reject with `StoreUnavailable`. */
export interface JtiStore {
  /** Marks an identifier as used; `known` if it was, whoever used it; `full` if its client has too many in store. */
  use(one: Identifier): Promise<'new' | 'known' | 'full'>
  /** Revokes a token; `all` if its client has too many in store, and all of its tokens until now are revoked. */
  revoke(one: Identifier): Promise<'new' | 'known' | 'all'>
  /** Whether one of these tokens is revoked, or was a token of a client that revoked all, and was issued before. */
  isRevoked(tokens: readonly Omit<Identifier, 'until'>[], issuedAt: number): Promise<boolean>
}

/** Opens the store of identifiers beside the keys, for a process with this clock and the largest error of any clock. */
export type OpenJtis = (clocks: { readonly now: Clock; readonly clockError: Seconds }) => Promise<JtiStore>
