import { ok, type Result } from '../core/result.ts'
import { after, type Clock, type Instant, numericDate, type Seconds, seconds } from '../core/time.ts'
import type { Call } from '../http/call.ts'
import { problem } from '../http/problem.ts'
import { json, type Reply } from '../http/reply.ts'
import type { Route } from '../http/router.ts'
import type { Alg } from '../jose/algorithm.ts'
import { issue, type IssueDeps, type MadeToken, type TokenOrder } from '../jose/issue.ts'
import type { Signer } from '../jose/signer.ts'
import type { Current, Snapshot } from '../keyring/snapshot.ts'
import { outOfReach } from './document.ts'
import { type MintRequest, type MintRules, parseMintCall } from './mint-request.ts'

/** What the development mint needs. */
export interface AuthDeps extends IssueDeps {
  readonly current: Current
  readonly rules: MintRules
  /** Seconds that verifiers may grant beyond `exp`; an expired token is older than that. */
  readonly leeway: Seconds
  /** A key of an algorithm that is published nowhere. */
  readonly expiredSigner: (alg: Alg) => Promise<Signer>
  /** Loads the catalogue of bad tokens. */
  readonly loadCases: () => Promise<Cases>
  /** The URL of a key set with unpublished keys, for verifiers that follow a URL in a token. */
  readonly attackerJwksUrl: string
  readonly isDurable: boolean
  /** Whether a request with this `Host` was meant for this server (DNS rebinding). */
  readonly isOurHost: (host: string) => boolean
  readonly allowOrigins: ReadonlySet<string>
  readonly now: Clock
}

/** The catalogue of bad tokens, as `/auth` uses it. */
export interface Cases {
  /** The cases, for `/auth/cases`. */
  readonly listed: () => readonly object[]
  /** Turns the order of a right token into that of a case; the failure is what is wrong with its name. */
  readonly orderOfCase: (name: string, right: TokenOrder, keys: CaseKeys) => Result<CaseOrder, string>
}

/** The keys that a bad token may be made with, besides the right one. */
export interface CaseKeys {
  /** Of the same algorithm, and published nowhere. */
  readonly unpublished: Signer
  readonly published: readonly Signer[]
  readonly attackerJwksUrl: string
  /** Seconds until the latest expiry of a token by a published key; undefined where those keys die with the process. */
  readonly longest: Seconds | undefined
}

/** The order of a case; `about` describes the case to the caller. */
export interface CaseOrder extends TokenOrder {
  readonly about?: { readonly case: string; readonly what: string; readonly rule: string; readonly expected: string }
}

/** A token that has expired did so this long ago, beyond any usual leeway. */
const MIN_EXPIRED_SECONDS = 3600

/**
 * `POST /auth`: a token for anyone who asks. The caller proves nothing, so that it is mounted for loopback only, unless
 * the operator opens it. `/auth/cases` lists the cases. Some bad tokens point to the last path, a set of unpublished
 * keys; no metadata does.
 */
export function authRoutes(deps: AuthDeps): readonly Route[] {
  const { rules: { algs }, allowOrigins: cors, expiredSigner, loadCases } = deps
  const unpublished = async (): Promise<object> => {
    const signers = await Promise.all(algs.map(expiredSigner))
    return { keys: signers.map(({ jwk }) => jwk) }
  }
  return [
    { path: '/auth', methods: { POST: (call) => mint(call, deps) }, cors },
    { path: '/auth/cases', methods: { GET: async () => json(200, { cases: (await loadCases()).listed() }) }, cors },
    { path: '/auth/stranger-jwks.json', methods: { GET: async () => json(200, await unpublished()) }, cors: new Set() },
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
  const { sub, aud, ttl, claims } = request.value
  const right: TokenOrder = { signer, typ: 'JWT', sub, aud, claims, issuedAt: now, ttl }
  const order = await orderOf(request.value, right, { ...deps, snapshot })
  if (!order.ok) return problem(400, `case ${order.error}`, { member: 'case' })
  // 4. Make it, record it, answer.
  const made = await issue(order.value, deps)
  if (made.ok) return answerOf(made.value, now, order.value)
  return made.error === 'unrecorded'
    ? problem(503, 'The audit log cannot be written', { headers: { 'retry-after': '5' } })
    : problem(409, `The keys of this server do not allow it: ${order.value.about?.what}`, { member: 'case' })
}

/** The order of the token that is wanted: the right one, one that expired long ago under an unknown key, or a case. */
async function orderOf(
  { isExpired, name }: MintRequest,
  right: TokenOrder,
  { snapshot: { algs, signers }, ...deps }: AuthDeps & { readonly snapshot: Snapshot },
): Promise<Result<CaseOrder, string>> {
  if (!isExpired && name === undefined) return ok(right)
  const { leeway, expiredSigner, loadCases, attackerJwksUrl, rules } = deps
  const unpublished = await expiredSigner(right.signer.alg)
  if (name !== undefined) {
    const published = algs.flatMap((alg) => signers.get(alg) ?? [])
    const longest = deps.isDurable ? rules.maxTtl : undefined
    return (await loadCases()).orderOfCase(name, right, { unpublished, published, attackerJwksUrl, longest })
  }
  const age = right.ttl + Math.max(MIN_EXPIRED_SECONDS, 2 * leeway)
  return ok({ ...right, signer: unpublished, issuedAt: after(right.issuedAt, seconds(-age)) })
}

/** Describes the token that was made; `expires_in` is 0 where it has expired. */
function answerOf({ token, stated }: MadeToken, now: Instant, { about }: CaseOrder): Reply {
  const { kid = null, exp = null } = stated
  const left = exp === null ? null : Math.max(0, Math.floor(exp - numericDate(now)))
  return json(200, { token, kid, token_type: 'Bearer', expires_in: left, expiry: exp, ...about })
}
