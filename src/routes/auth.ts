import { ok } from '../core/result.ts'
import { after, type Clock, type Instant, numericDate, type Seconds, seconds } from '../core/time.ts'
import type { Call } from '../http/call.ts'
import { problem } from '../http/problem.ts'
import { json, type Reply } from '../http/reply.ts'
import type { Route } from '../http/router.ts'
import { issue, type IssueDeps, type MadeToken, type TokenOrder } from '../jose/issue.ts'
import type { Current } from '../keyring/snapshot.ts'
import { type BadToken, type CaseDeps, findCase, orderOfCase } from './auth-cases.ts'
import { outOfReach } from './document.ts'
import { type MintRules, parseMintCall } from './mint-request.ts'

/** What the development mint needs. */
export interface AuthDeps extends IssueDeps, CaseDeps {
  readonly current: Current
  readonly rules: MintRules
  /** Seconds that verifiers may grant beyond `exp`; an expired token is older than that. */
  readonly leeway: Seconds
  /** Whether a request with this `Host` was meant for this server (DNS rebinding). */
  readonly isOurHost: (host: string) => boolean
  readonly now: Clock
}

/** Seconds: a token that has expired did so this long ago, beyond any usual leeway. */
const EXPIRED_SINCE = 3600

/** `POST /auth`: a token for anyone who asks. It proves nothing about the caller, hence its narrow mounting. */
export function authRoute(deps: AuthDeps): Route {
  return { path: '/auth', methods: { POST: (call) => mint(call, deps) }, cors: deps.allowOrigins }
}

async function mint(call: Call, deps: AuthDeps): Promise<Reply> {
  // 1. Is the request meant for this server?
  if (!deps.isOurHost(call.header('host') ?? '')) return problem(421, 'This host is not served here')
  // 2. What does it ask for?
  const request = parseMintCall(call, deps.rules)
  if (!request.ok) return request.error
  const { name } = request.value
  const wanted = name === undefined ? ok(undefined) : findCase(name, await deps.loadCatalogue())
  if (!wanted.ok) return wanted.error
  // 3. With which keys?
  const snapshot = await deps.current()
  if (snapshot === undefined) return outOfReach()
  const signer = snapshot.signer(request.value.alg)
  if (signer === undefined) return problem(503, 'The first key of this algorithm is still in its lead; try again later')
  const now = deps.now()
  const { sub, aud, ttl, claims } = request.value
  const right: TokenOrder = { signer, typ: 'JWT', sub, aud, claims, issuedAt: now, ttl }
  const order = wanted.value !== undefined ? await orderOfCase(wanted.value, right, snapshot, deps)
    : request.value.isExpired ? await expired(right, deps) : right
  // 4. Make it, record it, answer.
  const made = await issue(order, deps)
  if (made.ok) return answerOf(made.value, now, wanted.value)
  return made.error === 'unrecorded'
    ? problem(503, 'The audit log cannot be written', { headers: { 'retry-after': '5' } })
    : problem(409, `The keys of this server do not allow it: ${wanted.value?.what}`, { member: 'case' })
}

/** The order of a token that expired long ago, under a key that no verifier knows. */
async function expired(order: TokenOrder, { leeway, expiredSigner }: AuthDeps): Promise<TokenOrder> {
  const age = order.ttl + Math.max(EXPIRED_SINCE, 2 * leeway)
  return { ...order, signer: await expiredSigner(order.signer.alg), issuedAt: after(order.issuedAt, seconds(-age)) }
}

/** Describes the token that was made; `expires_in` is 0 where it has expired. */
function answerOf({ token, stated }: MadeToken, now: Instant, wanted: BadToken | undefined): Reply {
  const { kid = null, exp = null } = stated
  const left = exp === null ? null : Math.max(0, Math.floor(exp - numericDate(now)))
  const answer = { token, kid, token_type: 'Bearer', expires_in: left, expiry: exp }
  if (wanted === undefined) return json(200, answer)
  const { name, what, rule, expected } = wanted
  return json(200, { ...answer, case: name, what, rule, expected })
}
