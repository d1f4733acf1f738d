import type { Emit } from '../core/event.ts'
import type { JsonObject } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type Clock, type Instant, numericDate } from '../core/time.ts'
import { isOfType } from '../http/body.ts'
import type { Call, Handler } from '../http/call.ts'
import { problem } from '../http/problem.ts'
import { json, type Reply } from '../http/reply.ts'
import type { Route } from '../http/router.ts'
import { KeyringFault } from '../keyring/fault.ts'
import type { Keyring } from '../keyring/keyring.ts'
import { carryOut, type Order, type OrderFault } from '../keyring/order.ts'
import { outlook } from '../keyring/outlook.ts'
import { exposure, type Policy } from '../keyring/policy.ts'
import type { Ring } from '../keyring/ring.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import { outOfReach } from './document.ts'
import { parseJsonBody, refuse } from './json-body.ts'

/** What the routes for operators need. */
export interface AdminDeps {
  readonly keyring: Pick<Keyring, 'current' | 'perform' | 'policy' | 'watch'>
  /** Answers `/metrics`. */
  readonly metrics: Handler
  readonly now: Clock
  readonly emit: Emit
  /** Whether everything so far is in the audit log; true without one. */
  readonly recorded: () => Promise<boolean>
}

const MAX_REASON_LENGTH = 256
/** A name without control and format characters. */
const OPERATOR = /^[^\p{C}]{1,64}$/u

/** The routes for operators, mounted on their socket alone: `/keys`, `/metrics`, `/rotate`, `/revoke`, `/rekey`. */
export function adminRoutes(deps: AdminDeps): readonly Route[] {
  const route = (path: string, method: 'GET' | 'POST', handler: Handler): Route =>
    ({ path, methods: { [method]: handler }, cors: new Set() })
  return [
    route('/keys', 'GET', () => listKeys(deps)),
    route('/metrics', 'GET', deps.metrics),
    ...(['rotate', 'revoke', 'rekey'] as const).map((action) =>
      route(`/${action}`, 'POST', (call) => obey(call, action, deps))),
  ]
}

async function listKeys({ keyring, now }: AdminDeps): Promise<Reply> {
  const snapshot = await keyring.current()
  return snapshot === undefined ? outOfReach() : json(200, { keys: listed(snapshot.ring, keyring, now()) })
}

/** What is asked for, and who says to ask for it: Node.js knows no user of a connection. */
interface Asked extends Pick<Order, 'force' | 'reason'> {
  readonly action: Action
  readonly target: string
  readonly by: string
  /** Undefined for the change of the key-encryption key, which a command makes in the store itself. */
  readonly order: Order | undefined
}

type Action = 'rotate' | 'revoke' | 'rekey'

/** Records an order, then carries it out: whatever happens next, it is known who wanted what. */
async function obey(call: Call, action: Action, deps: AdminDeps): Promise<Reply> {
  const { keyring, emit } = deps
  const parsed = parseOrder(call, action, keyring.policy)
  if (!parsed.ok) return parsed.error
  const { order, target, force: forced, reason, by } = parsed.value
  emit({ name: 'operator.ordered', action, target, forced, reason, by })
  const refused = (code: string, answer: Reply): Reply => {
    emit({ name: 'operator.refused', action, code, by })
    return answer
  }
  const recorded = await deps.recorded()
  // A leaked key cannot wait for a disk: the record follows as soon as the log can be written.
  if (!recorded && action !== 'revoke') return refused('unrecorded', UNRECORDED)
  if (order === undefined) return await listKeys(deps)
  try {
    const done = await keyring.perform((ring, input) => carryOut(ring, order, input))
    if (!done.ok) return refused(done.error.code, refusal(done.error))
    return carriedOut({ order, ring: done.value, recorded }, deps)
  } catch (error) {
    if (!(error instanceof StoreUnavailable || error instanceof KeyringFault)) throw error
    return refused(error.code, FAILED)
  }
}

const UNRECORDED = problem(503, 'The audit log cannot be written, and nothing but a revocation goes without its record')
const FAILED = problem(503, 'The key store failed; the order may have been carried out all the same, so list the keys')

/** An order, the ring that came of it, and whether it was recorded. */
interface Done {
  readonly order: Order
  readonly ring: Ring
  readonly recorded: boolean
}

function carriedOut({ order, ring, recorded }: Done, { keyring, now }: AdminDeps): Reply {
  const keys = listed(ring, keyring, now())
  if (order.action === 'rotate') return json(200, { keys })
  // What the committed ring says, not what was asked for.
  const removed = ring.history.filter(({ jwk }) => jwk.kid === order.kid).map(({ jwk }) => jwk.kid)
  return json(200, { removed, recorded, exposure: exposure(keyring.policy.timing, ring.marks), keys })
}

function refusal(fault: OrderFault): Reply {
  switch (fault.code) {
    case 'unknown_key':
      return problem(404, 'There is no such key', { member: 'kid' })
    case 'past_key':
      return problem(409, 'The key is in the history already', { member: 'kid' })
    case 'no_successor':
      return problem(503, 'The next key is still being made', { headers: { 'retry-after': '5' } })
    case 'too_early':
      return problem(409, 'Some cache may still lack the key that would sign; wait, or force it and give a reason', {
        figures: { earliest_safe_at: Math.ceil(fault.earliestSafeAt) },
      })
    default:
      return fault satisfies never
  }
}

/** Reads a body: what every order may have, and the member of its own that names what it changes. */
function parseOrder(call: Call, action: Action, { algs: lines }: Policy): Result<Asked, Reply> {
  if (!isOfType(call, 'application/json')) return fail(problem(415, 'The body must be application/json, in UTF-8'))
  const body = parseJsonBody(call.body)
  if (!body.ok) return body
  const { by = 'unknown', force = false, reason = '', ...own } = body.value as Partial<JsonObject>
  if (typeof by !== 'string' || !OPERATOR.test(by)) return refuse('by', 'must be a name of 1 to 64 visible characters')
  const { alg = lines, kid } = own
  const algs = lines.filter((line) => Array.isArray(alg) && alg.includes(line))
  if (action === 'rotate' && (!Array.isArray(alg) || alg.length === 0 || algs.length < alg.length)) {
    return refuse('alg', `must be a list of some of ${lines.join(', ')}, each once`)
  }
  if (action === 'revoke' && typeof kid !== 'string') return refuse('kid', 'must be a text')
  const unknown = Object.keys(own).find((name) => name !== OWN[action])
  if (unknown !== undefined) return refuse(unknown, 'is not understood')
  if (typeof force !== 'boolean') return refuse('force', 'must be true or false')
  const needsReason = action === 'revoke' || (action === 'rotate' && force)
  const isReason = typeof reason === 'string' && reason.length <= MAX_REASON_LENGTH && (reason !== '' || !needsReason)
  if (!isReason) return refuse('reason', `must be a text of 1 to ${MAX_REASON_LENGTH} characters`)
  const common = { action, force, reason, by }
  switch (action) {
    case 'rotate':
      return ok({ ...common, target: algs.join(' '), order: { action, algs, force, reason } })
    case 'revoke':
      return ok({ ...common, target: String(kid), order: { action, kid: String(kid), force, reason } })
    case 'rekey':
      return ok({ ...common, target: 'store', order: undefined })
    default:
      return action satisfies never
  }
}

/** The member that names what an order changes; a command that changes the store names nothing. */
const OWN = { rotate: 'alg', revoke: 'kid', rekey: undefined } as const

function listed(ring: Ring, keyring: AdminDeps['keyring'], now: Instant): readonly object[] {
  const date = (moment?: Instant): number | undefined => moment === undefined ? undefined : numericDate(moment)
  return outlook(ring, keyring, now).map(({ kid, alg, state, since, ahead, next, nextAt, removedAt }) =>
    ({ kid, alg, state, since: date(since), ahead, next, next_at: date(nextAt), removed_at: date(removedAt) }))
}
