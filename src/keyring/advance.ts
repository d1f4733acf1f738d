import { type Instant, seconds } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'
import type { Kid, PublicJwk } from '../jose/jwk.ts'
import type { FreshKey } from '../jose/signer.ts'
import type { HighWaterMarks, Policy } from './policy.ts'
import { type ActiveKey, activeOf, dueAt, type Key, type RetiredKey, type Ring, standbyOf } from './ring.ts'

/** What happened to a key between one ring and the next. */
export interface Change {
  readonly kid: Kid
  readonly alg: Alg
  readonly to: 'created' | 'published' | 'promoted' | 'retired' | 'removed'
}

/** One move of the ring. */
export interface Step {
  /** The very ring that was given when there was nothing to do. */
  readonly ring: Ring
  readonly changes: readonly Change[]
}

/**
 * Brings a committed ring up to `now`: stamps what is now known to be committed, promotes, retires, removes, and
 * fills each line from `fresh` keys. Never early: a standby signs only after its whole lead, whatever the schedule
 * said. Never empty: an active key signs until its successor does.
 */
export function advance(ring: Ring, policy: Policy, now: Instant, fresh: readonly FreshKey[]): Step {
  if (ring.keys.length === 0) return firstStep(ring, policy, now, fresh)
  const changes: Change[] = []
  const move: Move = {
    policy,
    now,
    note: ({ kid, alg }, to) => changes.push({ kid, alg, to }),
  }
  const marks = raise(ring.marks, policy)
  const stamped: Ring = { keys: ring.keys.map((key) => stamp(key, move)), marks }
  const promoted = policy.algs.reduce((turned, alg) => promote(turned, alg, move), stamped)
  const pruned = prune(dropLines(promoted, move), move)
  const keys = fill(pruned.keys, fresh, move)
  const same = marks === ring.marks && keys.length === ring.keys.length && keys.every((key, at) => key === ring.keys[at])
  return { ring: same ? ring : { keys, marks }, changes }
}

/** What each rule of one step shares. */
interface Move {
  readonly policy: Policy
  readonly now: Instant
  readonly note: (jwk: PublicJwk, to: Change['to']) => void
}

/**
 * The first ring has a key for each line, active at once, because no cache can hold an older set that lacks it. It is
 * made whole or not at all: a line that came a moment later would have to wait its lead.
 */
function firstStep(ring: Ring, policy: Policy, now: Instant, fresh: readonly FreshKey[]): Step {
  const given = policy.algs.flatMap((alg) => fresh.find(({ jwk }) => jwk.alg === alg) ?? [])
  if (given.length < policy.algs.length) return { ring, changes: [] }
  const keys = given.map((key): ActiveKey => ({ ...key, state: 'active', publishedAt: now, activeAt: now }))
  const changes = given.flatMap(({ jwk: { kid, alg } }): Change[] =>
    (['created', 'published', 'promoted'] as const).map((to) => ({ kid, alg, to })))
  return { ring: { keys, marks: raise(ring.marks, policy) }, changes }
}

function raise(marks: HighWaterMarks, { timing }: Policy): HighWaterMarks {
  if (marks.maxTtl >= timing.maxTtl && marks.maxAge >= timing.maxAge) return marks
  return {
    maxTtl: seconds(Math.max(marks.maxTtl, timing.maxTtl)),
    maxAge: seconds(Math.max(marks.maxAge, timing.maxAge)),
  }
}

/** The ring that holds the key was committed, so that every replica acts on it from now on. */
function stamp(key: Key, { now, note }: Move): Key {
  if (key.state === 'retired' && key.retiredAt === undefined) return { ...key, retiredAt: now }
  if (key.state !== 'standby' || key.publishedAt !== undefined) return key
  note(key.jwk, 'published')
  return { ...key, publishedAt: now }
}

function promote(ring: Ring, alg: Alg, { policy, now, note }: Move): Ring {
  const standby = standbyOf(ring.keys, alg)
  if (standby?.publishedAt === undefined || now < dueAt(standby, ring, policy)) return ring
  const active = activeOf(ring.keys, alg)
  const { jwk, sealed, publishedAt } = standby
  note(jwk, 'promoted')
  const keys = ring.keys.map((key): Key => {
    if (key === standby) return { state: 'active', jwk, sealed, publishedAt, activeAt: now }
    return key === active ? retire(active, note) : key
  })
  return { ...ring, keys }
}

/** Retires the lines that the policy no longer has, once the default line signs; their standbys never signed. */
function dropLines(ring: Ring, { policy, note }: Move): Ring {
  if (activeOf(ring.keys, policy.algs[0]) === undefined) return ring
  const keys = ring.keys.flatMap((key): Key[] => {
    if (policy.algs.includes(key.jwk.alg) || key.state === 'retired') return [key]
    if (key.state === 'active') return [retire(key, note)]
    note(key.jwk, 'removed')
    return []
  })
  return { ...ring, keys }
}

function retire({ jwk, publishedAt, activeAt }: ActiveKey, note: Move['note']): RetiredKey {
  note(jwk, 'retired')
  return { state: 'retired', jwk, publishedAt, activeAt, retiredAt: undefined }
}

function prune(ring: Ring, { policy, now, note }: Move): Ring {
  const isOver = (key: Key): boolean =>
    key.state === 'retired' && key.retiredAt !== undefined && now >= dueAt(key, ring, policy)
  for (const key of ring.keys) if (isOver(key)) note(key.jwk, 'removed')
  return { ...ring, keys: ring.keys.filter((key) => !isOver(key)) }
}

/** Adds a standby to each line that lacks one, as far as fresh keys go; the rest follows when they are made. */
function fill(keys: readonly Key[], fresh: readonly FreshKey[], { policy, note }: Move): readonly Key[] {
  const lacking = policy.algs.filter((alg) => standbyOf(keys, alg) === undefined)
  // A commit whose answer was lost has taken a key that its maker still holds for fresh.
  const unused = fresh.filter(({ jwk }) => !keys.some((key) => key.jwk.kid === jwk.kid))
  const added = lacking.flatMap((alg) => unused.find(({ jwk }) => jwk.alg === alg) ?? [])
  for (const { jwk } of added) note(jwk, 'created')
  return [...keys, ...added.map((key): Key => ({ ...key, state: 'standby', publishedAt: undefined }))]
}
