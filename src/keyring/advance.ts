import { after, earliest, type Instant, later, never, seconds } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'
import {
  addStandbys, type Change, type Move, note, promoteStandby, remove, retire, type RuleInput, setOf, type Step,
} from './moves.ts'
import { leadInForce, leastLead, leastRetention, raiseMarks, retentionInForce } from './policy.ts'
import { type ActiveKey, activeOf, type Key, type RetiredKey, type Ring, type StandbyKey, standbyOf } from './ring.ts'

/** By what the rules judge when something is due. */
export type Rules = Pick<RuleInput, 'policy' | 'watch'>

/** Due already, whatever the time: a stamp is missing. */
export const AT_ONCE: Instant = -Infinity as Instant

/**
 * Brings a committed ring up to date: stamps what is now known to be committed, promotes, retires, removes, and adds
 * missing standbys. Never early: a standby signs only after its whole lead, whatever the schedule said. Never empty:
 * an active key signs until its successor does.
 */
export function advance(ring: Ring, input: RuleInput): Step {
  if (ring.keys.length === 0) return firstStep(ring, input)
  const move: Move = { ...input, changes: [] }
  const marks = raiseMarks(ring.marks, input.policy.timing)
  const stamped: Ring = { ...ring, keys: ring.keys.map((key) => stamp(key, move)), marks }
  const promoted = input.policy.algs.reduce((turned, alg) => promoteDue(turned, alg, move), stamped)
  const next = addStandbys(removeDue(endForeign(promoted, move), move), move)
  const isSame = marks === ring.marks && next.keys.length === ring.keys.length &&
    next.keys.every((key, at) => key === ring.keys[at])
  return { ring: isSame ? ring : next, changes: move.changes }
}

/** When `advance` next has something to do with the ring. Stored times decide, no timer does. */
export function ringDueAt(ring: Ring, rules: Rules): Instant {
  return earliest(ring.keys.map((key) => dueAt(key, ring, rules)))
}

/** When `advance` next has something to do with a key; a missing stamp is due at once. */
export function dueAt(key: Key, ring: Ring, rules: Rules): Instant {
  switch (key.state) {
    case 'standby':
      return turnOf(key, ring, rules) ?? AT_ONCE
    case 'active':
      return standbyOf(ring.keys, key.jwk.alg) === undefined ? turnOf(key, ring, rules) ?? AT_ONCE : never
    case 'retired':
      return removableAt(key, ring, rules) ?? AT_ONCE
    default:
      return key satisfies never
  }
}

/**
 * When a standby signs: after the whole lead, and not before the interval of the active key is over. A clock may have
 * been wrong or set, so this process must have seen it published for the right side of (1), whatever the clock says.
 */
function promotableAt(standby: StandbyKey, ring: Ring, { policy, watch }: Rules): Instant | undefined {
  const [{ keys, marks }, { timing }] = [ring, policy]
  const seen = watch(standby)
  if (seen === undefined) return undefined
  const led = later(after(seen.from, leadInForce(timing, marks)), seen.seenFor(leastLead(timing, marks)))
  const active = activeOf(keys, standby.jwk.alg)
  const since = active === undefined ? undefined : watch(active)?.from
  return since === undefined ? led : later(led, after(since, timing.interval))
}

/** When the line of a key turns over or, if this policy does not have it, ends; undefined while a stamp is missing. */
function turnOf(key: StandbyKey | ActiveKey, ring: Ring, rules: Rules): Instant | undefined {
  const isOwn = rules.policy.algs.includes(key.jwk.alg)
  if (isOwn) return key.state === 'standby' ? promotableAt(key, ring, rules) : never
  return endOf(key, ring, rules)
}

/**
 * When a line ends that this policy does not have: replicas that do may run beside this one, while all of them are
 * replaced. So every line of this policy must sign, and the moment must have passed without effect at which any replica
 * with the line would have turned it over.
 */
function endOf(key: StandbyKey | ActiveKey, ring: Ring, rules: Rules): Instant | undefined {
  const { algs, timing: { interval, propagation, clockError } } = rules.policy
  if (algs.some((alg) => activeOf(ring.keys, alg) === undefined)) return never
  const turn = key.state === 'standby' ? promotableAt(key, ring, rules)
    : after(rules.watch(key)?.from ?? never, interval)
  return turn === undefined ? undefined : after(turn, seconds(propagation + 2 * clockError))
}

/**
 * When no verifier can accept a token of the key any more. This process must have seen it retired for the right side of
 * (2), or have seen its retention end while no clock was set; else processes that live shortly would never remove it.
 */
function removableAt(key: RetiredKey, { marks }: Ring, { policy, watch }: Rules): Instant | undefined {
  const { timing } = policy
  const seen = watch(key)
  if (seen === undefined) return undefined
  const kept = retentionInForce(timing, marks)
  const ended = seen.age < kept ? seen.seenFor(seconds(kept - seen.age)) : never
  return later(after(seen.from, kept), earliest([ended, seen.seenFor(leastRetention(timing, marks))]))
}

/**
 * The first ring has an active key for each line: no cache can hold an older set that lacks it. It is made whole or not
 * at all, because a line that came later would have to wait its lead.
 */
function firstStep(ring: Ring, { policy, now, fresh }: RuleInput): Step {
  const given = policy.algs.flatMap((alg) => fresh.find(({ jwk }) => jwk.alg === alg) ?? [])
  if (given.length < policy.algs.length) return { ring, changes: [] }
  const stamps = { publishedAt: now, activeAt: now }
  const keys = given.map((key): ActiveKey => ({ ...key, ...setOf(key, policy), state: 'active', ...stamps }))
  const changes = given.flatMap(({ jwk: { kid, alg } }): Change[] =>
    (['created', 'published', 'promoted'] as const).map((to) => ({ kid, alg, to })))
  return { ring: { ...ring, keys, marks: raiseMarks(ring.marks, policy.timing) }, changes }
}

/** The ring that holds the key was committed, so that every replica acts on it from now on. */
function stamp(key: Key, move: Move): Key {
  if (key.state === 'retired' && key.retiredAt === undefined) return { ...key, retiredAt: move.now }
  if (key.state !== 'standby' || key.publishedAt !== undefined) return key
  note(move, key.jwk, 'published')
  return { ...key, publishedAt: move.now }
}

function promoteDue(ring: Ring, alg: Alg, move: Move): Ring {
  const standby = standbyOf(ring.keys, alg)
  if (standby === undefined || !isPast(promotableAt(standby, ring, move), move)) return ring
  return promoteStandby(ring, standby, move)
}

/** Ends a line that the policy does not have: its standby goes, which never signed; then its active key retires. */
function endForeign(ring: Ring, move: Move): Ring {
  const isForeign = ({ jwk }: Key): boolean => !move.policy.algs.includes(jwk.alg)
  const ends = (key: Key, within: Ring): boolean => isForeign(key) && isPast(dueAt(key, within, move), move)
  const gone = ring.keys.filter((key) => key.state === 'standby' && ends(key, ring))
  const left = remove(ring, { gone, why: 'dropped' }, move)
  const keys = left.keys.map((key) => key.state === 'active' && ends(key, left) ? retire(key, move) : key)
  return { ...left, keys }
}

function removeDue(ring: Ring, move: Move): Ring {
  const gone = ring.keys.filter((key) => key.state === 'retired' && isPast(removableAt(key, ring, move), move))
  return remove(ring, { gone, why: 'retired' }, move)
}

function isPast(moment: Instant | undefined, { now }: Move): boolean {
  return moment !== undefined && now >= moment
}
