import type { JsonObject } from '../core/json.ts'
import { ok, type Result } from '../core/result.ts'
import { between, type Instant, type Seconds, seconds } from '../core/time.ts'
import { issue, type IssueDeps } from '../jose/issue.ts'
import type { Kid } from '../jose/jwk.ts'
import type { Current, Snapshot } from '../keyring/snapshot.ts'
import { authenticate, type AuthenticationDeps } from './client-auth.ts'
import type { Client } from './client.ts'
import { type OAuthFault, refused } from './fault.ts'
import type { JtiStore } from './jti-store.ts'
import type { OAuthRequest } from './request.ts'
import type { Entitlement, Grant, Params, Registry, Rules } from './rules.ts'
import { parseScope } from './scope.ts'

/** What the endpoints for registered clients need. */
export interface TokenDeps extends AuthenticationDeps, IssueDeps {
  /** Replaced whole when the file of clients changes. */
  readonly clients: { readonly registry: Registry }
  readonly current: Current
  readonly jtis: JtiStore
  /** Seconds that the clock of a sender may differ from ours. */
  readonly skew: Seconds
  /** Lifetime of a token whose client names none. */
  readonly ttl: Seconds
  /** The URL of the token endpoint, as the metadata names it. */
  readonly url: string
}

const MAX_RESOURCE_LENGTH = 2048
const RETRY_AFTER_SECONDS = 5

/**
 * Answers a request for a token (RFC 6749 section 5.1); a grant only fills in what it earns. Rejects with
 * `StoreUnavailable`.
 */
export async function issueToken(request: OAuthRequest, deps: TokenDeps): Promise<Result<JsonObject, OAuthFault>> {
  const opened = await openRules(request, deps)
  if (!opened.ok) return opened
  const { rules, snapshot } = opened.value
  // 1. Who asks?
  const client = await authenticate(request, rules, deps)
  if (!client.ok) return client
  // 2. By which grant, and what does it earn?
  const grant = grantOf(request, client.value, rules)
  if (!grant.ok) return grant
  const earned = await grant.value.entitle(request.params, client.value, rules)
  if (!earned.ok) return earned
  // 3. Bound to which key? Not earlier: proofs are remembered, and who earns nothing must not fill the memory.
  const key = await boundKey(request, client.value, rules)
  if (!key.ok) return key
  // 4. For which audiences and scopes?
  const reach = reachOf(request.params, client.value, earned.value)
  if (!reach.ok) return reach
  // 5. For how long? Sign, record and answer.
  const decided = { client: client.value, earned: earned.value, reach: reach.value, key: key.value, snapshot }
  return await mint(decided, request.at, deps)
}

/** What is in force now: one snapshot and one registry serve the whole request. */
export async function openRules(
  { at: now }: OAuthRequest,
  { clients: { registry }, current, issuer, url, skew, jtis }: TokenDeps,
): Promise<Result<{ readonly rules: Rules; readonly snapshot: Snapshot }, OAuthFault>> {
  const snapshot = await current()
  if (snapshot === undefined) return unavailable('The key store has been out of reach for too long')
  return ok({ rules: { issuer, url, skew, jtis, now, ring: snapshot.ring, registry }, snapshot })
}

function grantOf({ params }: OAuthRequest, client: Client, { registry: { grants } }: Rules): Result<Grant, OAuthFault> {
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
  { dpop }: OAuthRequest,
  client: Client,
  rules: Rules,
): Promise<Result<Kid | undefined, OAuthFault>> {
  if (dpop === undefined) {
    if (client.dpop !== true) return ok(undefined)
    return refused('invalid_dpop_proof', 'The client is registered for DPoP, and sends no proof')
  }
  // A client that asks for a bound token must not get one that anybody can use.
  return await rules.registry.checkProof?.(dpop, rules) ??
    refused('invalid_dpop_proof', 'DPoP is not in use here; set dpop_bound_access_tokens for the client, true or false')
}

/** What a token is for. */
interface Reach {
  readonly audiences: readonly string[]
  readonly scopes: readonly string[]
}

/** What was asked for, if all of it may be had; what may be had, if nothing was asked for. */
function reachOf(params: Params, client: Client, earned: Entitlement): Result<Reach, OAuthFault> {
  const [resource, audience, scope] = [params.get('resource'), params.get('audience'), params.get('scope')]
  if (resource !== undefined && !isResource(resource)) {
    return refused('invalid_target', 'resource must be an absolute URI without fragment')
  }
  const possible = within(client.audiences, earned.audiences)
  const wanted = [resource, audience].filter((target) => target !== undefined)
  const audiences = wanted.length > 0 ? [...new Set(wanted)] : possible.slice(0, 1)
  if (audiences.length === 0 || !audiences.every((one) => possible.includes(one))) {
    return refused('invalid_target', 'The token cannot be for this target')
  }
  const scopes = within(client.scopes, earned.scopes)
  const asked = scope === undefined ? scopes : parseScope(scope)
  if (asked === undefined) return refused('invalid_scope', 'scope must be scope tokens separated by one space')
  if (!asked.every((one) => scopes.includes(one))) return refused('invalid_scope', 'The token cannot have this scope')
  return ok({ audiences, scopes: asked })
}

function within(names: readonly string[], limit: readonly string[] | undefined): readonly string[] {
  return limit === undefined ? names : names.filter((name) => limit.includes(name))
}

/** RFC 8707 section 2. */
function isResource(text: string): boolean {
  return text.length <= MAX_RESOURCE_LENGTH && URL.canParse(text) && !text.includes('#')
}

/** A token that is decided on, but not yet made. */
interface Decided {
  readonly client: Client
  readonly earned: Entitlement
  readonly reach: Reach
  readonly key: Kid | undefined
  readonly snapshot: Snapshot
}

async function mint(decided: Decided, at: Instant, deps: TokenDeps): Promise<Result<JsonObject, OAuthFault>> {
  const { client, earned, key, snapshot, reach: { audiences, scopes } } = decided
  const signer = snapshot.signers.get(client.alg)
  if (signer === undefined) return unavailable('The first key of this algorithm is still in its lead; try again later')
  const left = earned.notAfter === undefined ? Infinity : Math.floor(between(at, earned.notAfter))
  const ttl = seconds(Math.min(client.ttl ?? deps.ttl, left))
  if (ttl < 1) return refused('invalid_grant', 'The subject token expires in less than a second')
  const aud = audiences.length === 1 ? audiences[0] as string : audiences
  const scope = scopes.length === 0 ? {} : { scope: scopes.join(' ') }
  const bound = key === undefined ? {} : { cnf: { jkt: key } }
  const claims = { ...client.claims, ...earned.claims, ...scope, ...bound, client_id: client.id }
  const order = { signer, typ: 'at+jwt', sub: earned.subject, aud, issuedAt: at, ttl, claims } as const
  const made = await issue({ ...order, recordedAs: { client: client.id } }, deps)
  if (!made.ok) return unavailable('The audit log cannot be written')
  const kind = key === undefined ? 'Bearer' : 'DPoP'
  return ok({ access_token: made.value.token, token_type: kind, expires_in: ttl, ...scope, ...earned.answer })
}

function unavailable(description: string): Result<never, OAuthFault> {
  return refused('temporarily_unavailable', description, RETRY_AFTER_SECONDS)
}
