import type { Result } from '../core/result.ts'
import { after, type Instant } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'
import type { Kid, PublicJwk } from '../jose/jwk.ts'
import type { FreshKey } from '../jose/signer.ts'
import type { Policy } from './policy.ts'
import {
  type ActiveKey, activeOf, type Key, type PastKey, type RetiredKey, type Ring, type StandbyKey, standbyOf,
} from './ring.ts'
import type { Watch } from './watch.ts'

/** What a rule looks at besides the ring. */
export interface RuleInput {
  readonly policy: Policy
  readonly now: Instant
  /** What this process knows about stamps. */
  readonly watch: Watch
  /** Keys that were made ahead; a rule takes those that it needs. */
  readonly fresh: readonly FreshKey[]
}

/** What happened to a key between one ring and the next. */
export interface Change {
  readonly kid: Kid
  readonly alg: Alg
  readonly to: 'created' | 'published' | 'promoted' | 'retired' | 'removed' | 'revoked'
}

/** The outcome of a rule. */
export interface Step {
  /** The very ring that was given when there was nothing to do. */
  readonly ring: Ring
  readonly changes: readonly Change[]
}

/** Decides the next ring. It is pure: after a lost race it is called again with the newer ring. */
export type Decision<Fault> = (ring: Ring, input: RuleInput) => Result<Step, Fault>

/** The input of a rule, and the changes so far. */
export interface Move extends RuleInput {
  readonly changes: Change[]
}

/** Adds a change to the list. */
export function note({ changes }: Move, { kid, alg }: PublicJwk, to: Change['to']): void {
  changes.push({ kid, alg, to })
}

/** Where a new key is published; this server made it. */
export function setOf({ jwk }: Pick<FreshKey, 'jwk'>, { separate }: Policy): Pick<Key, 'separate' | 'imported'> {
  return { separate: separate?.includes(jwk.alg) === true ? true : undefined, imported: undefined }
}

/** Makes a standby the active key of its line, and retires the active key before it. */
export function promoteStandby(ring: Ring, standby: StandbyKey, move: Move): Ring {
  const active = activeOf(ring.keys, standby.jwk.alg)
  const { jwk, publishedAt = move.now } = standby
  note(move, jwk, 'promoted')
  const keys = ring.keys.map((key): Key => {
    if (key === standby) return { ...standby, state: 'active', publishedAt, activeAt: move.now }
    return key === active ? retire(active, move) : key
  })
  return { ...ring, keys }
}

/** Takes the private half of an active key out of the ring; the public one stays published. */
export function retire({ state: _state, sealed: _sealed, ...rest }: ActiveKey, move: Move): RetiredKey {
  note(move, rest.jwk, 'retired')
  return { state: 'retired', ...rest, retiredAt: undefined }
}

/** Moves keys from the set to the history, without their private halves. */
export function remove(
  ring: Ring,
  { gone, why, reason }: Pick<PastKey, 'why'> & { readonly gone: readonly Key[]; readonly reason?: string },
  move: Move,
): Ring {
  if (gone.length === 0) return ring
  for (const { jwk } of gone) note(move, jwk, why === 'revoked' ? 'revoked' : 'removed')
  const past = gone.map((key): PastKey => ({
    jwk: key.jwk,
    imported: key.imported,
    publishedAt: key.publishedAt,
    activeAt: key.state === 'standby' ? undefined : key.activeAt,
    retiredAt: key.state === 'retired' ? key.retiredAt : key.state === 'active' ? move.now : undefined,
    removedAt: move.now,
    why,
    reason,
  }))
  // Two for each that comes: a clock that is ahead for a while cannot empty the history.
  const isKept = ({ removedAt }: PastKey): boolean => after(removedAt, move.policy.history) > move.now
  const history = ring.history.filter((key, at) => at >= 2 * gone.length || isKept(key))
  return { ...ring, keys: ring.keys.filter((key) => !gone.includes(key)), history: [...history, ...past] }
}

/** Adds a standby to each line that has none, if there is a fresh key for it. */
export function addStandbys(ring: Ring, move: Move): Ring {
  const lacking = move.policy.algs.filter((alg) => standbyOf(ring.keys, alg) === undefined)
  // A key that is in the ring, or was, must not be added again.
  const used = new Set([...ring.keys, ...ring.history].map(({ jwk }) => jwk.kid))
  const added = lacking.flatMap((alg) => move.fresh.find(({ jwk }) => jwk.alg === alg && !used.has(jwk.kid)) ?? [])
  for (const { jwk } of added) note(move, jwk, 'created')
  const standbys = added.map((key): Key =>
    ({ ...key, ...setOf(key, move.policy), state: 'standby', publishedAt: undefined }))
  return added.length === 0 ? ring : { ...ring, keys: [...ring.keys, ...standbys] }
}
