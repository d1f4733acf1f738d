import { fail, ok, type Result } from '../core/result.ts'
import { after, type Instant, later, seconds } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'
import { addStandbys, type Move, promoteStandby, remove, type RuleInput, type Step } from './moves.ts'
import { leastLead, type Policy } from './policy.ts'
import { type Key, type Ring, standbyOf } from './ring.ts'

/** Makes the standby of each named line sign now; `force` even where caches may lack it. */
interface Rotation {
  readonly action: 'rotate'
  readonly algs: readonly Alg[]
  readonly force: boolean
  readonly reason: string
}

/** Removes a key now; `force` even where caches may lack its successor. */
interface Revocation {
  readonly action: 'revoke'
  readonly kid: string
  readonly force: boolean
  readonly reason: string
}

/** What an operator wants done now. */
export type Order = Rotation | Revocation

/** Why an order is not carried out. */
export type OrderFault =
  | { readonly code: 'unknown_key' | 'past_key' | 'no_successor' }
  /** (1) does not hold yet: before that moment some cache may lack the key that would sign. */
  | { readonly code: 'too_early'; readonly earliestSafeAt: Instant }

/** Carries out an order on a committed ring that is up to date, and adds missing standbys. */
export function carryOut(ring: Ring, order: Order, input: RuleInput): Result<Step, OrderFault> {
  const move: Move = { ...input, changes: [] }
  const next = order.action === 'rotate' ? promoteStandbys(ring, order, move) : revoke(ring, order, move)
  if (!next.ok) return next
  const filled = addStandbys(next.value, move)
  return ok({ ring: order.force ? signNow(filled, input.now) : filled, changes: move.changes })
}

function revoke(ring: Ring, { kid, force, reason }: Revocation, move: Move): Result<Ring, OrderFault> {
  const key = ring.keys.find(({ jwk }) => jwk.kid === kid)
  if (key === undefined) {
    return fail({ code: ring.history.some(({ jwk }) => jwk.kid === kid) ? 'past_key' : 'unknown_key' })
  }
  const left = remove(ring, { gone: [key], why: 'revoked', reason }, move)
  return needsSuccessor(key, left, move.policy) ? promoteStandbys(left, { algs: [key.jwk.alg], force }, move) : ok(left)
}

/** A line that the policy no longer has may end with its last key, as long as another line signs. */
function needsSuccessor(key: Key, left: Ring, { algs }: Policy): boolean {
  const isLast = !left.keys.some(({ state }) => state === 'active')
  return key.state === 'active' && (algs.includes(key.jwk.alg) || isLast)
}

/** Promotes the standby of each named line, or of none. */
function promoteStandbys(
  ring: Ring,
  { algs, force }: Pick<Rotation, 'algs' | 'force'>,
  move: Move,
): Result<Ring, OrderFault> {
  const filled = addStandbys(ring, move)
  const standbys = algs.flatMap((alg) => standbyOf(filled.keys, alg) ?? [])
  if (standbys.length < algs.length) return fail({ code: 'no_successor' })
  // (1): every cache that honours max-age has the key by then. A key that was not seen committed counts from now on.
  const lead = leastLead(move.policy.timing, ring.marks)
  const safe = standbys.map((standby) => {
    const seen = move.watch(standby)
    return seen === undefined ? after(move.now, lead) : seen.seenFor(seconds(lead - seen.age))
  }).reduce(later)
  if (move.now < safe && !force) return fail({ code: 'too_early', earliestSafeAt: safe })
  return ok(standbys.reduce((turned, standby) => promoteStandby(turned, standby, move), filled))
}

/** Ends the wait after a restore, on the order of an operator. */
function signNow(ring: Ring, now: Instant): Ring {
  const { restored } = ring
  return restored === undefined || restored.signsAt <= now ? ring : { ...ring, restored: { ...restored, signsAt: now } }
}
