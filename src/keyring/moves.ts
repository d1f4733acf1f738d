import { after, type Instant } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'
import type { Kid, PublicJwk } from '../jose/jwk.ts'
import type { FreshKey } from '../jose/signer.ts'
import type { Policy } from './policy.ts'
import { type ActiveKey, activeOf, type Key, type PastKey, type RetiredKey, type Ring, type StandbyKey, standbyOf } from './ring.ts'

/** What happened to a key between one ring and the next. */
export interface Change {
  readonly kid: Kid
  readonly alg: Alg
  readonly to: 'created' | 'published' | 'promoted' | 'retired' | 'removed' | 'revoked'
}

/** One move of the ring. */
export interface Step {
  /** The very ring that was given when there was nothing to do. */
  readonly ring: Ring
  readonly changes: readonly Change[]
}

/** What each rule of one step shares. */
export interface Move {
  readonly policy: Policy
  readonly now: Instant
  readonly changes: Change[]
}

/** Writes down what happens to a key. */
export function note({ changes }: Move, { kid, alg }: PublicJwk, to: Change['to']): void {
  changes.push({ kid, alg, to })
}

/** Lets a standby sign from now on, and retires the key that signed before it. */
export function turnOver(ring: Ring, standby: StandbyKey, move: Move): Ring {
  const active = activeOf(ring.keys, standby.jwk.alg)
  const { jwk, sealed, publishedAt = move.now } = standby
  note(move, jwk, 'promoted')
  const keys = ring.keys.map((key): Key => {
    if (key === standby) return { state: 'active', jwk, sealed, publishedAt, activeAt: move.now }
    return key === active ? retire(active, move) : key
  })
  return { ...ring, keys }
}

/** Takes the private half from a key that signed. */
export function retire({ jwk, publishedAt, activeAt }: ActiveKey, move: Move): RetiredKey {
  note(move, jwk, 'retired')
  return { state: 'retired', jwk, publishedAt, activeAt, retiredAt: undefined }
}

/** Takes keys out of the set, private halves and all, and into the history. */
export function remove(ring: Ring, gone: readonly Key[], why: PastKey['why'], move: Move, reason?: string): Ring {
  if (gone.length === 0) return ring
  for (const { jwk } of gone) note(move, jwk, why === 'revoked' ? 'revoked' : 'removed')
  const past = gone.map((key): PastKey => ({
    jwk: key.jwk,
    publishedAt: key.publishedAt,
    activeAt: key.state === 'standby' ? undefined : key.activeAt,
    retiredAt: key.state === 'retired' ? key.retiredAt : key.state === 'active' ? move.now : undefined,
    removedAt: move.now,
    why,
    reason,
  }))
  const history = ring.history.filter(({ removedAt }) => after(removedAt, move.policy.history) > move.now)
  return { ...ring, keys: ring.keys.filter((key) => !gone.includes(key)), history: [...history, ...past] }
}

/** Adds a standby to each line that lacks one, as far as fresh keys go; the rest follows when they are made. */
export function fill(ring: Ring, fresh: readonly FreshKey[], move: Move): Ring {
  const lacking = move.policy.algs.filter((alg) => standbyOf(ring.keys, alg) === undefined)
  // A commit whose answer was lost has taken a key that its maker still holds for fresh.
  const used = new Set([...ring.keys, ...ring.history].map(({ jwk }) => jwk.kid))
  const added = lacking.flatMap((alg) => fresh.find(({ jwk }) => jwk.alg === alg && !used.has(jwk.kid)) ?? [])
  for (const { jwk } of added) note(move, jwk, 'created')
  const standbys = added.map((key): Key => ({ ...key, state: 'standby', publishedAt: undefined }))
  return added.length === 0 ? ring : { ...ring, keys: [...ring.keys, ...standbys] }
}
