import type { Instant } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'
import type { PublicJwk } from '../jose/jwk.ts'
import type { Sealed } from '../jose/kek.ts'
import { type HighWaterMarks, NO_MARKS, type Policy } from './policy.ts'

/** A key in a key set. */
interface InSet {
  readonly jwk: PublicJwk
  /** Whether the set is its own algorithm's, and not the common one. It is fixed when the key is made. */
  readonly separate?: true | undefined
  /** Whether another issuer made the key: its kid is that issuer's, and copies of its private half may be elsewhere. */
  readonly imported?: true | undefined
}

/** Published, and the next to sign. */
export interface StandbyKey extends InSet {
  readonly state: 'standby'
  readonly sealed: Sealed
  /** When a ring with the key was first seen committed; undefined until then, since no replica serves it before. */
  readonly publishedAt: Instant | undefined
}

/** Published, signs. */
export interface ActiveKey extends InSet {
  readonly state: 'active'
  readonly sealed: Sealed
  readonly publishedAt: Instant
  readonly activeAt: Instant
}

/** Published, but it cannot sign any more: its private half has left the ring. */
export interface RetiredKey extends InSet {
  readonly state: 'retired'
  readonly publishedAt: Instant
  readonly activeAt: Instant
  /** When a ring that retires the key was first seen committed; until then a replica may still sign with it. */
  readonly retiredAt: Instant | undefined
}

/** A published key in one of its states. */
export type Key = StandbyKey | ActiveKey | RetiredKey

/** No longer published, but kept to trace old tokens; its kid never comes back. */
export interface PastKey extends Pick<InSet, 'jwk' | 'imported'> {
  /** Undefined if it was removed before a ring with it was seen committed. */
  readonly publishedAt: Instant | undefined
  /** When it began to sign; undefined for a standby. */
  readonly activeAt: Instant | undefined
  readonly retiredAt: Instant | undefined
  readonly removedAt: Instant
  /** Retention over, line no longer configured, or revoked by an operator, who gave the reason. */
  readonly why: 'retired' | 'dropped' | 'revoked'
  readonly reason: string | undefined
}

/** The end of an audit log that was on the disk when a ring was committed: an older copy of the log is noticed. */
export interface LogHead {
  /** The id of the log's chain, which every file of the chain begins with. */
  readonly chain: string
  /** The machine and path of the log: a log that is missing there is noticed. */
  readonly place: string
  /** The number of the last record, and the SHA-256 of its line. */
  readonly seq: number
  readonly hash: string
  readonly at: Instant
}

/** An operator accepted an older copy of the ring. */
export interface Restored {
  readonly at: Instant
  /** No key signs before: by then every cache has the key set that followed. */
  readonly signsAt: Instant
  readonly reason: string
}

/** All keys of a store; a ring is replaced, never changed. */
export interface Ring {
  /** The number of commits so far: a ring with a lower number is older. */
  readonly generation: number
  readonly keys: readonly Key[]
  /** Every key that was removed, the oldest first. */
  readonly history: readonly PastKey[]
  readonly marks: HighWaterMarks
  /** The head of each audit log of the servers on this ring. */
  readonly heads?: readonly LogHead[] | undefined
  readonly restored?: Restored | undefined
}

/** So many past keys never outgrow their share of a ring. */
export const FEW_KEYS = 50

/** The ring of an empty store. */
export const EMPTY_RING: Ring = {
  generation: 0, keys: [], history: [], marks: NO_MARKS, heads: undefined, restored: undefined,
}

/** The key that signs in a line. */
export function activeOf(keys: readonly Key[], alg: Alg): ActiveKey | undefined {
  return keys.find((key): key is ActiveKey => key.state === 'active' && key.jwk.alg === alg)
}

/** The key that signs next in a line. */
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
