import { ok, type Result } from '../core/result.ts'
import { type Clock, type Instant, numericDate } from '../core/time.ts'
import type { Call } from '../http/call.ts'
import { problem } from '../http/problem.ts'
import { json, type Reply } from '../http/reply.ts'
import type { Origins, Route } from '../http/router.ts'
import { issue, type IssueDeps, type MadeToken, type TokenOrder } from '../jose/issue.ts'
import type { Current, Snapshot } from '../keyring/snapshot.ts'
import { outOfReach } from './document.ts'
import { type MintRequest, type MintRules, parseMintCall } from './mint-request.ts'

/** What the development mint needs. */
export interface AuthDeps extends IssueDeps {
  readonly current: Current
  readonly rules: MintRules
  /** Loads what makes tokens that are not right. */
  readonly loadBad: () => Promise<BadTokens>
  /** Whether a request with this `Host` was meant for this server (DNS rebinding). */
  readonly isOurHost: (host: string) => boolean
  readonly allowOrigins: Origins
  readonly now: Clock
}

/** Tokens that are not right: one that expired long ago, and the cases of the catalogue. */
export interface BadTokens {
  /** The cases, for `/auth/cases`. */
  readonly listed: () => Promise<readonly object[]>
  /** The unpublished keys, for verifiers that follow a URL in a token. */
  readonly jwks: () => Promise<object>
  /** Turns the order of a right token into that of a bad one; the failure is what is wrong with its name. */
  readonly orderOf: (request: MintRequest, right: TokenOrder, keys: Snapshot) => Promise<Result<CaseOrder, string>>
}

/** The order of a case; `about` describes the case to the caller. */
export interface CaseOrder extends TokenOrder {
  readonly about?: { readonly case: string; readonly what: string; readonly rule: string; readonly expected: string }
}

/**
 * `POST /auth`: a token for anyone who asks. The caller proves nothing, so that it is mounted for loopback only, unless
 * the operator opens it. `/auth/cases` lists the cases. Some bad tokens point to the last path, a set of unpublished
 * keys; no metadata does.
 */
export function authRoutes(deps: AuthDeps): readonly Route[] {
  const { allowOrigins: cors, loadBad } = deps
  const cases = async (): Promise<Reply> => json(200, { cases: await (await loadBad()).listed() })
  const unpublished = async (): Promise<Reply> => json(200, await (await loadBad()).jwks())
  return [
    { path: '/auth', methods: { POST: (call) => mint(call, deps) }, cors },
    { path: '/auth/cases', methods: { GET: cases }, cors },
    { path: '/auth/stranger-jwks.json', methods: { GET: unpublished }, cors: new Set() },
  ]
}

async function mint(call: Call, deps: AuthDeps): Promise<Reply> {
  // 1. Is the request meant for this server?
  if (!deps.isOurHost(call.header('host') ?? '')) return problem(421, 'This host is not served here')
  // 2. What does it ask for?
  const request = parseMintCall(call, deps.rules)
  if (!request.ok) return request.error
  // 3. With which keys?
  const snapshot = await deps.current()
  if (snapshot === undefined) return outOfReach()
  const signer = snapshot.signers.get(request.value.alg)
  if (signer === undefined) return problem(503, 'The first key of this algorithm is still in its lead; try again later')
  const now = deps.now()
  const { sub, aud, ttl, claims, isExpired, name } = request.value
  const right: TokenOrder = { signer, typ: 'JWT', sub, aud, claims, issuedAt: now, ttl }
  const isRight = !isExpired && name === undefined
  const order = isRight ? ok<CaseOrder>(right) : await (await deps.loadBad()).orderOf(request.value, right, snapshot)
  if (!order.ok) return problem(400, `case ${order.error}`, { member: 'case' })
  // 4. Make it, record it, answer.
  const made = await issue(order.value, deps)
  if (made.ok) return answerOf(made.value, now, order.value)
  return made.error === 'unrecorded'
    ? problem(503, 'The audit log cannot be written', { headers: { 'retry-after': '5' } })
    : problem(409, `The keys of this server do not allow it: ${order.value.about?.what}`, { member: 'case' })
}

/** Describes the token that was made; `expires_in` is 0 where it has expired. */
function answerOf({ token, stated }: MadeToken, now: Instant, { about }: CaseOrder): Reply {
  const { kid = null, exp = null } = stated
  const left = exp === null ? null : Math.max(0, Math.floor(exp - numericDate(now)))
  return json(200, { token, kid, token_type: 'Bearer', expires_in: left, expiry: exp, ...about })
}
