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
import { exposure } from '../keyring/policy.ts'
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
    route('/rotate', 'POST', (call) => order(call, parseRotate, deps)),
    route('/revoke', 'POST', (call) => order(call, parseRevoke, deps)),
    route('/rekey', 'POST', (call) => recordRekey(call, deps)),
  ]
}

async function listKeys({ keyring, now }: AdminDeps): Promise<Reply> {
  const snapshot = await keyring.current()
  return snapshot === undefined ? outOfReach() : json(200, { keys: listed(snapshot.ring, keyring, now()) })
}

type Parse<Asked> = (body: JsonObject, deps: AdminDeps) => Result<Asked, Reply>

/** What is asked, and who says to ask for it: Node.js knows no user of a connection. */
type Given<Asked> = Asked & { readonly by: string }

/**
 * Records an order before it is carried out: whatever happens next, it is known who wanted what. Resolves to whether
 * the record is in the audit log.
 */
async function isRecorded({ action, target, force, reason, by }: Given<Common> & {
  readonly action: string
  readonly target: string
}, { emit, recorded }: AdminDeps): Promise<boolean> {
  emit({ name: 'operator.ordered', action, target, forced: force, reason, by })
  const isWritten = await recorded()
  // A leaked key cannot wait for a disk: the record follows as soon as the log can be written.
  if (!isWritten && action !== 'revoke') emit({ name: 'operator.refused', action, code: 'unrecorded', by })
  return isWritten
}

function unrecorded(): Reply {
  return problem(503, 'The audit log cannot be written, and nothing but a revocation goes without its record')
}

/** Records that an operator is about to change the key-encryption key, which a command does in the store itself. */
async function recordRekey(call: Call, deps: AdminDeps): Promise<Reply> {
  const parsed = parseOrder(call, (body) => parseCommon(body, false), deps)
  if (!parsed.ok) return parsed.error
  const isWritten = await isRecorded({ ...parsed.value, action: 'rekey', target: 'store' }, deps)
  return isWritten ? await listKeys(deps) : unrecorded()
}

async function order(call: Call, parse: Parse<Order>, deps: AdminDeps): Promise<Reply> {
  const parsed = parseOrder(call, parse, deps)
  if (!parsed.ok) return parsed.error
  const { keyring, emit } = deps
  const { action, by } = parsed.value
  const target = parsed.value.action === 'rotate' ? parsed.value.algs.join(' ') : parsed.value.kid
  const recorded = await isRecorded({ ...parsed.value, target }, deps)
  if (!recorded && action !== 'revoke') return unrecorded()
  try {
    const done = await keyring.perform((ring, input) => carryOut(ring, parsed.value, input))
    if (!done.ok) {
      emit({ name: 'operator.refused', action, code: done.error.code, by })
      return refusal(done.error)
    }
    return carriedOut({ order: parsed.value, ring: done.value, recorded }, deps)
  } catch (error) {
    if (!(error instanceof StoreUnavailable || error instanceof KeyringFault)) throw error
    emit({ name: 'operator.refused', action, code: error.code, by })
    return problem(503, 'The key store failed; the order may have been carried out all the same, so list the keys')
  }
}

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

function parseOrder<Asked>(call: Call, parse: Parse<Asked>, deps: AdminDeps): Result<Given<Asked>, Reply> {
  if (!isOfType(call, 'application/json')) return fail(problem(415, 'The body must be application/json, in UTF-8'))
  const body = parseJsonBody(call.body)
  if (!body.ok) return body
  const { by = 'unknown', ...asked } = body.value as Partial<JsonObject>
  if (typeof by !== 'string' || !OPERATOR.test(by)) return refuse('by', 'must be a name of 1 to 64 visible characters')
  const order = parse(asked as JsonObject, deps)
  return order.ok ? ok({ ...order.value, by }) : order
}

function parseRotate(body: JsonObject, { keyring: { policy } }: AdminDeps): Result<Order, Reply> {
  const { alg = policy.algs, ...others } = body as Partial<JsonObject>
  const algs = policy.algs.filter((name) => Array.isArray(alg) && alg.includes(name))
  if (!Array.isArray(alg) || alg.length === 0 || algs.length < alg.length) {
    return refuse('alg', `must be a list of some of ${policy.algs.join(', ')}, each once`)
  }
  const common = parseCommon(others, others['force'] === true)
  return common.ok ? ok({ action: 'rotate', algs, ...common.value }) : common
}

function parseRevoke(body: JsonObject): Result<Order, Reply> {
  const { kid, ...others } = body as Partial<JsonObject>
  if (typeof kid !== 'string') return refuse('kid', 'must be a text')
  const common = parseCommon(others, true)
  return common.ok ? ok({ action: 'revoke', kid, ...common.value }) : common
}

type Common = Pick<Order, 'force' | 'reason'>

/** Reads the members that every order may have; there are no others. */
function parseCommon(body: Partial<JsonObject>, needsReason: boolean): Result<Common, Reply> {
  const { force = false, reason = '', ...others } = body
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) return refuse(unknown, 'is not understood')
  if (typeof force !== 'boolean') return refuse('force', 'must be true or false')
  const isRight = typeof reason === 'string' && reason.length <= MAX_REASON_LENGTH && (reason !== '' || !needsReason)
  return isRight ? ok({ force, reason }) : refuse('reason', `must be a text of 1 to ${MAX_REASON_LENGTH} characters`)
}

function listed(ring: Ring, keyring: AdminDeps['keyring'], now: Instant): readonly object[] {
  const date = (moment?: Instant): number | undefined => moment === undefined ? undefined : numericDate(moment)
  return outlook(ring, keyring, now).map(({ kid, alg, state, since, ahead, next, nextAt, removedAt }) =>
    ({ kid, alg, state, since: date(since), ahead, next, next_at: date(nextAt), removed_at: date(removedAt) }))
}
