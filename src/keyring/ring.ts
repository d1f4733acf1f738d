import type { Instant } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'
import type { PublicJwk } from '../jose/jwk.ts'
import type { Sealed } from '../jose/kek.ts'
import { type HighWaterMarks, NO_MARKS, type Policy } from './policy.ts'

/** Published, never signs. */
export interface StandbyKey {
  readonly state: 'standby'
  readonly jwk: PublicJwk
  readonly sealed: Sealed
  /** Unknown until a ring that holds the key was seen committed: no key is older than it was servable. */
  readonly publishedAt: Instant | undefined
}

/** Published, signs. */
export interface ActiveKey {
  readonly state: 'active'
  readonly jwk: PublicJwk
  readonly sealed: Sealed
  readonly publishedAt: Instant
  readonly activeAt: Instant
}

/** Published, cannot sign any more: it has no private half. */
export interface RetiredKey {
  readonly state: 'retired'
  readonly jwk: PublicJwk
  readonly publishedAt: Instant
  readonly activeAt: Instant
  /** Unknown until a ring that retires the key was seen committed: until then a replica may still sign with it. */
  readonly retiredAt: Instant | undefined
}

/** A published key in one of its states. */
export type Key = StandbyKey | ActiveKey | RetiredKey

/** Published no more, and of no use to anyone but a reader of old tokens; a kid never comes back. */
export interface PastKey {
  readonly jwk: PublicJwk
  /** Undefined when it went before a ring that holds it was seen committed. */
  readonly publishedAt: Instant | undefined
  /** When it signed; undefined for a standby that never did. */
  readonly activeAt: Instant | undefined
  readonly retiredAt: Instant | undefined
  readonly removedAt: Instant
  /** Retention over, line no longer configured, or revoked by the operator, whose words follow. */
  readonly why: 'retired' | 'dropped' | 'revoked'
  readonly reason: string | undefined
}

/** Everything that a store keeps: a value that is replaced, never changed. */
export interface Ring {
  /** Counts the commits, so that an older ring is known for what it is. */
  readonly generation: number
  readonly keys: readonly Key[]
  /** Every key that was published before, the oldest first. */
  readonly history: readonly PastKey[]
  readonly marks: HighWaterMarks
}

/** The ring of an empty store. */
export const EMPTY_RING: Ring = { generation: 0, keys: [], history: [], marks: NO_MARKS }

/** The key that signs for a line. */
export function activeOf(keys: readonly Key[], alg: Alg): ActiveKey | undefined {
  return keys.find((key): key is ActiveKey => key.state === 'active' && key.jwk.alg === alg)
}

/** The key that signs next for a line. */
export function standbyOf(keys: readonly Key[], alg: Alg): StandbyKey | undefined {
  return keys.find((key): key is StandbyKey => key.state === 'standby' && key.jwk.alg === alg)
}

/** The keys in the order of the JWK Set: active, standby, retired, and within a state by line, then by kid. */
export function inOrder(keys: readonly Key[], { algs }: Policy): readonly Key[] {
  const rank = (key: Key): number => ORDER.indexOf(key.state)
  const line = (key: Key): number => algs.includes(key.jwk.alg) ? algs.indexOf(key.jwk.alg) : algs.length
  return keys.toSorted((one, other) =>
    rank(one) - rank(other) || line(one) - line(other) || (one.jwk.kid < other.jwk.kid ? -1 : 1))
}

const ORDER: readonly Key['state'][] = ['active', 'standby', 'retired']
