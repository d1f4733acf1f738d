import type { JsonObject } from '../core/json.ts'
import { ok, type Result } from '../core/result.ts'
import type { Clock } from '../core/time.ts'
import { parseBasic } from '../http/basic-auth.ts'
import { isOfType } from '../http/body.ts'
import type { Call } from '../http/call.ts'
import { decodeFormText, parseForm } from '../http/form.ts'
import { json, type Reply, reply } from '../http/reply.ts'
import type { Route } from '../http/router.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import { type OAuthCode, type OAuthFault, refused, unavailable } from '../oauth/fault.ts'
import { introspect, revoke } from '../oauth/introspection.ts'
import type { OAuthRequest, TokenDeps } from '../oauth/rules.ts'
import { issueToken } from '../oauth/token.ts'

type OAuthDeps = TokenDeps & { readonly now: Clock }
type Work = (request: OAuthRequest, deps: TokenDeps) => Promise<Result<JsonObject | undefined, OAuthFault>>

/**
 * `POST /token` (RFC 6749), `/introspect` (RFC 7662), `/revoke` (RFC 7009) below a path. An `Origin` changes nothing:
 * gateways add one, and without a header for it no browser gives a page the answer.
 */
export function oauthRoutes(below: string, deps: OAuthDeps): readonly Route[] {
  const route = (path: string, work: Work): Route =>
    ({ path: `${below}${path}`, methods: { POST: (call) => answer(call, work, deps) }, cors: 'unreadable' })
  return [route('/token', issueToken), route('/introspect', introspect), route('/revoke', revoke)]
}

async function answer(call: Call, work: Work, deps: OAuthDeps): Promise<Reply> {
  const request = parseCall(call, deps.now)
  if (!request.ok) return refusal(request.error)
  const done = await work(request.value, deps).catch(unlessUnavailable)
  if (!done.ok) return refusal(done.error)
  return done.value === undefined ? reply(200, NO_STORE) : json(200, done.value, NO_STORE)
}

function unlessUnavailable(error: unknown): Result<never, OAuthFault> {
  if (error instanceof StoreUnavailable) return unavailable('The server cannot record used tokens at the moment')
  throw error
}

/** RFC 6749 section 5.1 asks for both. */
const NO_STORE = { 'cache-control': 'no-store', 'pragma': 'no-cache' }

const STATUS: ReadonlyMap<OAuthCode, number> = new Map([['invalid_client', 401], ['temporarily_unavailable', 503]])

/** The one writer of refusals to clients (RFC 6749 section 5.2). */
function refusal({ code, description, retryAfter, status: own }: OAuthFault): Reply {
  const status = own ?? STATUS.get(code) ?? 400
  return json(status, { error: code, error_description: description }, {
    ...NO_STORE,
    ...(status === 401 ? { 'www-authenticate': 'Basic realm="jwksd", charset="UTF-8"' } : {}),
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  })
}

function parseCall(call: Call, now: Clock): Result<OAuthRequest, OAuthFault> {
  if (!isOfType(call, 'application/x-www-form-urlencoded')) {
    return refused('invalid_request', 'The body must be application/x-www-form-urlencoded, in UTF-8')
  }
  const [resources, audiences]: [string[], string[]] = [[], []]
  const form = parseForm(call.body, new Map([['resource', resources], ['audience', audiences]]))
  if (!form.ok) {
    return refused('invalid_request', `${form.error.member === '' ? 'The body' : 'A parameter'} ${form.error.reason}`)
  }
  const basic = parseCredentials(call.header('authorization'))
  if (!basic.ok) return basic
  const params = new Map([...form.value].filter(([, value]) => value !== ''))
  return ok({
    params,
    resources: resources.filter((one) => one !== ''),
    audiences: audiences.filter((one) => one !== ''),
    basic: basic.value,
    dpop: call.header('dpop'),
    address: call.address(),
    now: now(),
  })
}

/** Both halves are form-encoded inside of HTTP Basic (RFC 6749 section 2.3.1). */
function parseCredentials(header: string | undefined): Result<OAuthRequest['basic'], OAuthFault> {
  if (header === undefined) return ok(undefined)
  if (!/^basic(?: |$)/i.test(header)) return refused('invalid_client', 'Authorization must be of the Basic scheme')
  const basic = parseBasic(header)
  if (!basic.ok) return refused('invalid_client', `Authorization ${basic.error}`)
  if (basic.value === undefined) return ok(undefined)
  const [user, password] = [basic.value.user, basic.value.password].map(decodeFormText)
  if (user === undefined || password === undefined) {
    return refused('invalid_client', 'client_id and secret in Basic must be form-urlencoded (RFC 6749 2.3.1)')
  }
  return ok({ user, password })
}
