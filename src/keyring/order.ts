import { fail, ok, type Result } from '../core/result.ts'
import { after, type Instant, later } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'
import type { FreshKey } from '../jose/signer.ts'
import { fill, type Move, remove, type Step, turnOver } from './moves.ts'
import { leastLead, type Policy } from './policy.ts'
import { type Key, type Ring, safeAt, standbyOf } from './ring.ts'

/** What an operator wants done now; `force` breaks the promise where it must. */
export type Order =
  | { readonly action: 'rotate'; readonly algs: readonly Alg[]; readonly force: boolean; readonly reason: string }
  | { readonly action: 'revoke'; readonly kid: string; readonly force: boolean; readonly reason: string }

/** Why an order is not carried out. */
export type OrderFault =
  | { readonly code: 'unknown_key' | 'past_key' | 'no_successor' }
  /** (1) does not hold yet: before that moment some cache may lack the key that would sign. */
  | { readonly code: 'too_early'; readonly earliestSafeAt: Instant }

/** Carries out an order on a committed ring that is up to date; each line that it touches has its next standby at once. */
export function carryOut(
  ring: Ring,
  policy: Policy,
  now: Instant,
  fresh: readonly FreshKey[],
  order: Order,
): Result<Step, OrderFault> {
  const move: Move = { policy, now, changes: [] }
  const next = order.action === 'rotate'
    ? succeed(ring, order.algs, order.force, fresh, move)
    : revoke(ring, order, fresh, move)
  return next.ok ? ok({ ring: fill(next.value, fresh, move), changes: move.changes }) : next
}

function revoke(
  ring: Ring,
  { kid, force, reason }: Order & { readonly action: 'revoke' },
  fresh: readonly FreshKey[],
  move: Move,
): Result<Ring, OrderFault> {
  const key = ring.keys.find(({ jwk }) => jwk.kid === kid)
  if (key === undefined) {
    return fail({ code: ring.history.some(({ jwk }) => jwk.kid === kid) ? 'past_key' : 'unknown_key' })
  }
  const without = remove(ring, [key], 'revoked', move, reason)
  return needsSuccessor(key, without, move.policy) ? succeed(without, [key.jwk.alg], force, fresh, move) : ok(without)
}

/** A line that the policy has dropped may end with its last key, as long as another line signs. */
function needsSuccessor(key: Key, without: Ring, { algs }: Policy): boolean {
  const isLast = !without.keys.some(({ state }) => state === 'active')
  return key.state === 'active' && (algs.includes(key.jwk.alg) || isLast)
}

/** Promotes the standby of each line, or of none. */
function succeed(
  ring: Ring,
  algs: readonly Alg[],
  force: boolean,
  fresh: readonly FreshKey[],
  move: Move,
): Result<Ring, OrderFault> {
  const filled = fill(ring, fresh, move)
  const standbys = algs.flatMap((alg) => standbyOf(filled.keys, alg) ?? [])
  if (standbys.length < algs.length) return fail({ code: 'no_successor' })
  const unseen = after(move.now, leastLead(move.policy.timing, ring.marks))
  const safe = standbys.map((key) => safeAt(key, filled, move.policy) ?? unseen).reduce(later)
  if (move.now < safe && !force) return fail({ code: 'too_early', earliestSafeAt: safe })
  return ok(standbys.reduce((turned, standby) => turnOver(turned, standby, move), filled))
}
