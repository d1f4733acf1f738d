import type { Emit } from '../core/event.ts'
import type { JsonObject } from '../core/json.ts'
import type { RandomBytes } from '../core/random.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { after, type Clock, type Instant, type Seconds, seconds } from '../core/time.ts'
import { parseBasic } from '../http/basic-auth.ts'
import type { Call } from '../http/call.ts'
import { parseForm } from '../http/form.ts'
import { parseMediaType } from '../http/media-type.ts'
import { problem } from '../http/problem.ts'
import { json, type Reply } from '../http/reply.ts'
import type { Route } from '../http/router.ts'
import type { Alg } from '../jose/algorithm.ts'
import { sha256 } from '../jose/digest.ts'
import { type Registered, registeredClaims, signJwt } from '../jose/jwt.ts'
import type { Signer } from '../jose/signer.ts'
import type { Snapshot } from '../keyring/snapshot.ts'
import { CATALOGUE, namesNear } from '../testkit/catalogue.ts'
import type { Case } from '../testkit/kit.ts'
import { type Current, outOfReach } from './document.ts'
import { parseJsonBody, refuse } from './json-body.ts'
import { membersOfForm, type MintRequest, type MintRules, parseMintRequest } from './mint-request.ts'

/** What the development mint needs. */
export interface AuthDeps {
  readonly current: Current
  readonly issuer: string
  readonly rules: MintRules
  /** Seconds that verifiers may grant beyond `exp`; an expired token is older than that. */
  readonly leeway: Seconds
  /** Seconds that `nbf` lies before `iat`. */
  readonly skew: Seconds
  readonly expiredSigner: (alg: Alg) => Promise<Signer>
  /** Where a stranger would publish keys, for verifiers that follow what a token says. */
  readonly strangerJwks: string
  /** Whether a request with this `Host` was meant for this server (DNS rebinding). */
  readonly isOurHost: (host: string) => boolean
  readonly allowOrigins: ReadonlySet<string>
  /** Whether everything could be recorded that must be. */
  readonly mayMint: () => boolean
  readonly now: Clock
  readonly randomBytes: RandomBytes
  readonly emit: Emit
}

/** A token that has expired did so this long ago, beyond any usual leeway. */
const EXPIRED_SINCE = 3600

/** `POST /auth`: a token for whoever asks. It proves nothing about the caller, hence its narrow mounting. */
export function authRoute(deps: AuthDeps): Route {
  return { path: '/auth', methods: { POST: (call) => mint(call, deps) }, cors: deps.allowOrigins }
}

async function mint(call: Call, deps: AuthDeps): Promise<Reply> {
  if (!deps.isOurHost(call.header('host') ?? '')) return problem(421, 'This host is not served here')
  const wanted = parseQuery(call.query)
  if (!wanted.ok) return wanted.error
  const request = parseCall(call, deps.rules)
  if (!request.ok) return request.error
  const snapshot = await deps.current()
  if (snapshot === undefined) return outOfReach()
  const live = snapshot.signer(request.value.alg)
  if (live === undefined) return problem(503, 'The keys of this algorithm are published, and do not sign yet')
  if (wanted.value.isExpired) return await expiredToken(live.alg, request.value, deps)
  const { wantedCase } = wanted.value
  return wantedCase === undefined
    ? await liveToken(live, request.value, deps)
    : await caseToken(wantedCase, live, published(snapshot), request.value, deps)
}

async function liveToken(signer: Signer, request: MintRequest, deps: AuthDeps): Promise<Reply> {
  const claims = claimsOf(request, deps.now(), deps)
  return await answer(signer, claims, request, request.ttl, deps)
}

async function expiredToken(alg: Alg, request: MintRequest, deps: AuthDeps): Promise<Reply> {
  const age = seconds(-request.ttl - Math.max(EXPIRED_SINCE, 2 * deps.leeway))
  const claims = claimsOf(request, after(deps.now(), age), deps)
  return await answer(await deps.expiredSigner(alg), claims, request, seconds(0), deps)
}

function claimsOf({ sub, aud, ttl }: MintRequest, issuedAt: Instant, { issuer, skew, randomBytes }: AuthDeps): Registered {
  return registeredClaims({ iss: issuer, sub, aud }, { issuedAt, ttl, skew }, randomBytes)
}

/** A token of the catalogue: everything about it is right but what its case says. */
async function caseToken(wanted: Case, signer: Signer, others: readonly Signer[], request: MintRequest, deps: AuthDeps): Promise<Reply> {
  const now = deps.now()
  const claims = claimsOf(request, now, deps)
  const token = await wanted.make({
    signer,
    stranger: await deps.expiredSigner(signer.alg),
    published: others,
    header: { alg: signer.alg, kid: signer.kid, typ: 'JWT' },
    claims: { ...request.claims, ...claims },
    now,
    strangerJwks: deps.strangerJwks,
  })
  if (token === undefined) return problem(409, `The keys of this server do not allow it: ${wanted.what}`, { member: 'case' })
  const { name, what, rule, expected } = wanted
  return recorded(signer, claims, deps, name) ?? json(200, { ...answerOf(token, signer, claims, request.ttl), case: name, what, rule, expected })
}

/** The keys that sign, of every line. */
function published({ algs, signer }: Snapshot): readonly Signer[] {
  return algs.flatMap((alg) => signer(alg) ?? [])
}

async function answer(
  signer: Signer,
  claims: Registered,
  request: MintRequest,
  ttl: Seconds,
  deps: AuthDeps,
): Promise<Reply> {
  const token = await signJwt(signer, 'JWT', claims, request.claims)
  return recorded(signer, claims, deps) ?? json(200, answerOf(token, signer, claims, ttl))
}

function answerOf(token: string, { kid }: Signer, { exp }: Registered, ttl: Seconds): object {
  return { token, kid, token_type: 'Bearer', expires_in: ttl, expiry: exp }
}

/** Tells of a token before it leaves; the answer is a refusal when nobody could write it down. */
function recorded({ kid, alg }: Signer, { jti, sub, aud, exp }: Registered, { emit, mayMint }: AuthDeps, wanted?: string): Reply | undefined {
  const what = wanted === undefined ? {} : { case: wanted }
  emit({ name: 'token.minted', kid, alg, jti, subject: sha256(`${jti}.${sub}`), aud, exp, ...what })
  return mayMint() ? undefined : problem(503, 'The audit log cannot be written', { headers: { 'retry-after': '5' } })
}

/** Which token is wanted: the right one when nothing is said. */
interface Wanted {
  readonly isExpired: boolean
  readonly wantedCase: Case | undefined
}

function parseQuery(query: string): Result<Wanted, Reply> {
  const form = parseForm(query)
  if (!form.ok) return refuse(form.error.member, form.error.reason)
  const stranger = [...form.value.keys()].find((name) => name !== 'expired' && name !== 'case')
  if (stranger !== undefined) return refuse(stranger, 'is not a parameter of this path')
  const expired = form.value.get('expired') ?? 'false'
  if (expired !== 'true' && expired !== 'false') return refuse('expired', 'must be true or false')
  const name = form.value.get('case')
  if (name === undefined) return ok({ isExpired: expired === 'true', wantedCase: undefined })
  const wantedCase = CATALOGUE.get(name)
  if (expired === 'true') return refuse('case', 'cannot be asked for together with expired')
  return wantedCase === undefined ? refuse('case', `must be one of /auth/cases; near are ${namesNear(name).join(', ')}`) : ok({ isExpired: false, wantedCase })
}

function parseCall(call: Call, rules: MintRules): Result<MintRequest, Reply> {
  const basic = parseBasic(call.header('authorization'))
  if (!basic.ok) return refuse('Authorization', basic.error)
  const members = parseBody(call)
  if (!members.ok) return members
  const request = parseMintRequest(members.value, basic.value?.user, rules)
  return request.ok ? request : refuse(request.error.member, request.error.problem)
}

/** A JSON object, a form, or nothing. */
function parseBody(call: Call): Result<JsonObject, Reply> {
  if (call.body.length === 0) return ok({})
  const media = parseMediaType(call.header('content-type') ?? '')
  const charset = media?.parameters.get('charset')?.toLowerCase() ?? 'utf-8'
  if (media?.type === 'application/json' && charset === 'utf-8') return parseJsonBody(call.body)
  if (media?.type === 'application/x-www-form-urlencoded' && charset === 'utf-8') return parseFormBody(call.body)
  return fail(problem(415, 'The body must be application/json or application/x-www-form-urlencoded, in UTF-8'))
}

function parseFormBody(body: Uint8Array): Result<JsonObject, Reply> {
  const form = parseForm(body)
  if (!form.ok) return refuse(form.error.member, form.error.reason)
  const members = membersOfForm(form.value)
  return members.ok ? members : refuse(members.error.member, members.error.problem)
}
