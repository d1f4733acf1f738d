import { type Instant, seconds } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'
import type { FreshKey } from '../jose/signer.ts'
import { type Change, fill, type Move, note, remove, retire, type Step, turnOver } from './moves.ts'
import type { HighWaterMarks, Policy } from './policy.ts'
import { type ActiveKey, activeOf, dueAt, type Key, type Ring, standbyOf } from './ring.ts'

/**
 * Brings a committed ring up to `now`: stamps what is now known to be committed, promotes, retires, removes, and
 * fills each line from `fresh` keys. Never early: a standby signs only after its whole lead, whatever the schedule
 * said. Never empty: an active key signs until its successor does.
 */
export function advance(ring: Ring, policy: Policy, now: Instant, fresh: readonly FreshKey[]): Step {
  if (ring.keys.length === 0) return firstStep(ring, policy, now, fresh)
  const move: Move = { policy, now, changes: [] }
  const marks = raise(ring.marks, policy)
  const stamped: Ring = { ...ring, keys: ring.keys.map((key) => stamp(key, move)), marks }
  const promoted = policy.algs.reduce((turned, alg) => promote(turned, alg, move), stamped)
  const next = fill(prune(dropLines(promoted, move), move), fresh, move)
  const isSame = marks === ring.marks && next.keys.length === ring.keys.length &&
    next.keys.every((key, at) => key === ring.keys[at])
  return { ring: isSame ? ring : next, changes: move.changes }
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
  return { ring: { ...ring, keys, marks: raise(ring.marks, policy) }, changes }
}

function raise(marks: HighWaterMarks, { timing }: Policy): HighWaterMarks {
  if (marks.maxTtl >= timing.maxTtl && marks.maxAge >= timing.maxAge) return marks
  return {
    maxTtl: seconds(Math.max(marks.maxTtl, timing.maxTtl)),
    maxAge: seconds(Math.max(marks.maxAge, timing.maxAge)),
  }
}

/** The ring that holds the key was committed, so that every replica acts on it from now on. */
function stamp(key: Key, move: Move): Key {
  if (key.state === 'retired' && key.retiredAt === undefined) return { ...key, retiredAt: move.now }
  if (key.state !== 'standby' || key.publishedAt !== undefined) return key
  note(move, key.jwk, 'published')
  return { ...key, publishedAt: move.now }
}

function promote(ring: Ring, alg: Alg, move: Move): Ring {
  const standby = standbyOf(ring.keys, alg)
  if (standby?.publishedAt === undefined || move.now < dueAt(standby, ring, move.policy)) return ring
  return turnOver(ring, standby, move)
}

/** Retires the lines that the policy no longer has, once the default line signs; their standbys never signed. */
function dropLines(ring: Ring, move: Move): Ring {
  const { algs } = move.policy
  if (activeOf(ring.keys, algs[0]) === undefined) return ring
  const isDropped = ({ jwk }: Key): boolean => !algs.includes(jwk.alg)
  const idle = remove(ring, ring.keys.filter((key) => key.state === 'standby' && isDropped(key)), 'dropped', move)
  return { ...idle, keys: idle.keys.map((key) => key.state === 'active' && isDropped(key) ? retire(key, move) : key) }
}

function prune(ring: Ring, move: Move): Ring {
  const isOver = (key: Key): boolean =>
    key.state === 'retired' && key.retiredAt !== undefined && move.now >= dueAt(key, ring, move.policy)
  return remove(ring, ring.keys.filter(isOver), 'retired', move)
}
