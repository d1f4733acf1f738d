import type { JsonObject } from '../core/json.ts'
import { ok, type Result } from '../core/result.ts'
import { parseScope } from '../core/scope.ts'
import { between, seconds } from '../core/time.ts'
import { issue } from '../jose/issue.ts'
import type { Kid } from '../jose/jwk.ts'
import { CLIENT_CREDENTIALS } from './client.ts'
import { authenticate } from './client-auth.ts'
import { type OAuthFault, refused, TOO_MANY, unavailable } from './fault.ts'
import type { ClientContext, Entitlement, Grant, OAuthRequest, TokenDeps } from './rules.ts'

const MAX_RESOURCE_LENGTH = 2048
/** A token and what its client authenticates by fit into one request of 16 KiB: an assertion may have 8 KiB. */
const MAX_TOKEN_LENGTH = 14_336
const MAX_TOKEN_LENGTH_BY_KEY = 8192

/**
 * Answers a request for a token (RFC 6749 section 5.1); a grant only fills in what it earns. Rejects with
 * `StoreUnavailable`.
 */
export async function issueToken(request: OAuthRequest, deps: TokenDeps): Promise<Result<JsonObject, OAuthFault>> {
  // 1. Who asks?
  const opened = await authenticate(request, deps)
  if (!opened.ok) return opened
  const done = await answerClient(opened.value)
  const { client: { id: client } } = opened.value
  if (!done.ok) deps.emit({ name: 'request.refused', client, code: done.error.code, detail: done.error.description })
  return done
}

async function answerClient(context: ClientContext): Promise<Result<JsonObject, OAuthFault>> {
  // 2. By which grant, and what does it earn?
  const grant = grantOf(context)
  if (!grant.ok) return grant
  const earned = await grant.value.entitle(context)
  if (!earned.ok) return earned
  // 3. For which audiences and scopes?
  const reach = reachOf(context, earned.value)
  if (!reach.ok) return reach
  // 4. Bound to which key? Not earlier: proofs are remembered, and a client that earns nothing must not fill memory.
  const key = await boundKey(context, earned.value)
  if (!key.ok) return key
  // 5. Was what is traded in used before?
  const once = await useOnce(context, earned.value)
  if (!once.ok) return once
  // 6. For how long? Sign, record and answer.
  return await mint(context, { ...reach.value, key: key.value })
}

async function useOnce({ client, deps }: ClientContext, { once }: Entitlement): Promise<Result<undefined, OAuthFault>> {
  const done = once === undefined ? 'new' : await deps.jtis.use({ client: client.id, ...once })
  if (done === 'full') return unavailable(TOO_MANY)
  return done === 'new' ? ok(undefined) : refused('invalid_grant', 'The token that is traded in was used before')
}

function grantOf({ request: { params }, client, registry: { grants } }: ClientContext): Result<Grant, OAuthFault> {
  const type = params.get('grant_type')
  if (type === undefined) return refused('invalid_request', 'grant_type is missing')
  const grant = grants.find((one) => one.type === type)
  if (grant === undefined) {
    return refused('unsupported_grant_type', `grant_type must be one of ${grants.map((one) => one.type).join(', ')}`)
  }
  if (client.grants.includes(grant.type)) return ok(grant)
  return refused('unauthorized_client', 'The client is not registered for this grant')
}

/** The thumbprint of the key that the token is bound to; undefined for a bearer token (RFC 9449 section 5). */
async function boundKey(
  context: ClientContext,
  { isBound }: Entitlement,
): Promise<Result<Kid | undefined, OAuthFault>> {
  const { client, request: { dpop }, registry } = context
  if (dpop === undefined) {
    if (client.dpop === true) {
      return refused('invalid_dpop_proof', 'The client is registered for DPoP, and sends no proof')
    }
    // Whoever stole a bound token must not get one that is not.
    return isBound === true ? refused('invalid_dpop_proof', 'A bound token is traded in with a proof') : ok(undefined)
  }
  // A client that asks for a bound token must not get one that anybody can use.
  return await registry.checkProof?.(dpop, context) ??
    refused('invalid_dpop_proof', 'DPoP is not in use here; set dpop_bound_access_tokens for the client, true or false')
}

/** What a token is about and for. */
interface Reach extends Entitlement {
  readonly audiences: readonly string[]
  readonly scopes: readonly string[]
}

/** The audiences and scopes that were requested, if all are allowed; by default the first audience, and all scopes. */
function reachOf({ request, client }: ClientContext, earned: Entitlement): Result<Reach, OAuthFault> {
  const { params, resources, audiences: named } = request
  if (!resources.every(isResource)) {
    return refused('invalid_target', 'resource must be an absolute URI without fragment')
  }
  const possible = within(client.audiences, earned.audiences)
  const wanted = [...resources, ...named]
  const audiences = wanted.length > 0 ? [...new Set(wanted)] : possible.slice(0, 1)
  if (audiences.length === 0 || !audiences.every((one) => possible.includes(one))) {
    return refused('invalid_target', 'The token cannot be for this target')
  }
  const scope = params.get('scope')
  const scopes = within(client.scopes, earned.scopes)
  const asked = scope === undefined ? scopes : parseScope(scope)
  if (asked === undefined) return refused('invalid_scope', 'scope must be scope tokens separated by one space')
  if (!asked.every((one) => scopes.includes(one))) return refused('invalid_scope', 'The token cannot have this scope')
  return ok({ ...earned, audiences, scopes: asked })
}

function within(names: readonly string[], limit: readonly string[] | undefined): readonly string[] {
  return limit === undefined ? names : names.filter((name) => limit.includes(name))
}

/** Whether it is an absolute URI without a fragment (RFC 8707 section 2). */
function isResource(text: string): boolean {
  return text.length <= MAX_RESOURCE_LENGTH && URL.canParse(text) && !text.includes('#')
}

/** All that is decided about a token before it is made. */
interface Decided extends Reach {
  readonly key: Kid | undefined
}

async function mint(context: ClientContext, decided: Decided): Promise<Result<JsonObject, OAuthFault>> {
  const { client, deps, snapshot: { signers }, request: { now } } = context
  const { subject: sub, audiences, scopes, key, notAfter } = decided
  const signer = signers.get(client.alg)
  if (signer === undefined) return unavailable('The first key of this algorithm is still in its lead; try again later')
  const left = notAfter === undefined ? Infinity : Math.floor(between(now, notAfter))
  const ttl = seconds(Math.min(client.ttl ?? deps.ttl, left))
  if (ttl < 1) return refused('invalid_grant', 'The subject token expires in less than a second')
  const aud = audiences.length === 1 ? audiences[0] as string : audiences
  const scope = scopes.length === 0 ? {} : { scope: scopes.join(' ') }
  const bound = key === undefined ? {} : { cnf: { jkt: key } }
  const claims = { ...client.claims, ...decided.claims, ...scope, ...bound, client_id: client.id }
  const longest = client.auth.method === 'private_key_jwt' ? MAX_TOKEN_LENGTH_BY_KEY : MAX_TOKEN_LENGTH
  const order = { signer, typ: 'at+jwt', longest, sub, aud, issuedAt: now, ttl, claims } as const
  const made = await issue({ ...order, recordedAs: { client: client.id } }, deps)
  if (!made.ok) {
    return made.error === 'unrecorded' ? unavailable('The audit log cannot be written')
      : refused('invalid_request', `The token would be longer than ${longest} characters`)
  }
  const kind = key === undefined ? 'Bearer' : 'DPoP'
  return ok({ access_token: made.value.token, token_type: kind, expires_in: ttl, ...scope, ...decided.answer })
}

/** The client acts for itself (RFC 6749 section 4.4); its tokens are about it (RFC 9068 section 2.2). */
export const clientCredentials: Grant = {
  type: CLIENT_CREDENTIALS,
  entitle: async ({ client }) => ok({ subject: client.id }),
}
