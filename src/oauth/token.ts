import type { JsonObject } from '../core/json.ts'
import { ok, type Result } from '../core/result.ts'
import { between, type Seconds, seconds } from '../core/time.ts'
import { issue, type IssueDeps } from '../jose/issue.ts'
import type { Kid } from '../jose/jwk.ts'
import type { Snapshot } from '../keyring/snapshot.ts'
import { authenticate, type AuthenticationDeps } from './client-auth.ts'
import { clientCredentials } from './client-credentials.ts'
import type { Client } from './client.ts'
import { checkProof } from './dpop.ts'
import { type OAuthFault, refused } from './fault.ts'
import type { Entitlement, Grant } from './grant.ts'
import { jwtBearer } from './jwt-bearer.ts'
import type { OAuthRequest } from './request.ts'
import { parseScope } from './scope.ts'
import { tokenExchange } from './token-exchange.ts'

/** What issuing tokens needs. */
export interface TokenDeps extends AuthenticationDeps, IssueDeps {
  readonly current: () => Snapshot | undefined | Promise<Snapshot | undefined>
  /** Lifetime of a token whose client names none. */
  readonly ttl: Seconds
  /** The URL of the token endpoint, as the metadata names it. */
  readonly url: string
}

const GRANTS: readonly Grant[] = [clientCredentials, tokenExchange, jwtBearer]
const LONGEST_TARGET = 2048

/**
 * Answers a request for a token (RFC 6749 section 5.1): who asks, by which grant, bound to which key, for what, with
 * which scope and for how long; a grant fills in only what it earns. Rejects with `StoreUnavailable`.
 */
export async function issueToken(request: OAuthRequest, deps: TokenDeps): Promise<Result<JsonObject, OAuthFault>> {
  const client = await authenticate(request, deps)
  if (!client.ok) return client
  const grant = grantOf(request, client.value)
  if (!grant.ok) return grant
  const snapshot = await deps.current()
  if (snapshot === undefined) return refused('temporarily_unavailable', 'The key store has been out of reach for too long', 5)
  const { issuer, skew, jtis, registry } = deps
  const rules = { issuer, skew, jtis, ring: snapshot.ring, now: request.at, registry: registry() }
  const earned = await grant.value.entitle(request.params, client.value, rules)
  if (!earned.ok) return earned
  // Not before: a proof is remembered, and whoever has earned nothing must not fill the memory.
  const key = await boundKey(request, client.value, deps)
  if (!key.ok) return key
  const reach = reachOf(request.params, client.value, earned.value)
  return reach.ok ? await mint(request, client.value, earned.value, reach.value, key.value, snapshot, deps) : reach
}

function grantOf({ params }: OAuthRequest, client: Client): Result<Grant, OAuthFault> {
  const type = params.get('grant_type')
  if (type === undefined) return refused('invalid_request', 'grant_type is missing')
  const grant = GRANTS.find((one) => one.type === type)
  if (grant === undefined) return refused('unsupported_grant_type', `grant_type must be one of ${GRANTS.map((one) => one.type).join(', ')}`)
  return client.grants.includes(grant.type) ? ok(grant) : refused('unauthorized_client', 'The client is not registered for this grant')
}

/** The thumbprint of the key that the token is bound to; undefined for a bearer token (RFC 9449 section 5). */
async function boundKey({ dpop, at }: OAuthRequest, client: Client, { url, skew, jtis }: TokenDeps): Promise<Result<Kid | undefined, OAuthFault>> {
  if (dpop !== undefined) return await checkProof(dpop, { url, now: at, skew, jtis })
  return client.dpop ? refused('invalid_dpop_proof', 'The client is registered for DPoP, and sends no proof') : ok(undefined)
}

/** What a token is for. */
interface Reach {
  readonly audiences: readonly string[]
  readonly scopes: readonly string[]
}

/** What was asked for, if all of it may be had; what may be had, if nothing was asked for. */
function reachOf(params: ReadonlyMap<string, string>, client: Client, earned: Entitlement): Result<Reach, OAuthFault> {
  const [resource, audience, scope] = ['resource', 'audience', 'scope'].map((name) => params.get(name))
  const possible = within(client.audiences, earned.audiences)
  const wanted = [resource, audience].filter((target) => target !== undefined)
  if (resource !== undefined && !isResource(resource)) return refused('invalid_target', 'resource must be an absolute URI without fragment')
  const audiences = wanted.length > 0 ? [...new Set(wanted)] : possible.slice(0, 1)
  if (audiences.length === 0 || !audiences.every((one) => possible.includes(one))) {
    return refused('invalid_target', 'The token cannot be for this target')
  }
  const scopes = within(client.scopes, earned.scopes)
  const asked = scope === undefined ? scopes : parseScope(scope)
  if (asked === undefined) return refused('invalid_scope', 'scope must be scope tokens separated by one space')
  return asked.every((one) => scopes.includes(one)) ? ok({ audiences, scopes: asked }) : refused('invalid_scope', 'The token cannot have this scope')
}

function within(names: readonly string[], limit: readonly string[] | undefined): readonly string[] {
  return limit === undefined ? names : names.filter((name) => limit.includes(name))
}

/** RFC 8707 section 2. */
function isResource(text: string): boolean {
  return text.length <= LONGEST_TARGET && URL.canParse(text) && !text.includes('#')
}

async function mint(
  { at }: OAuthRequest,
  client: Client,
  { subject, notAfter, claims: own, answer }: Entitlement,
  { audiences, scopes }: Reach,
  key: Kid | undefined,
  snapshot: Snapshot,
  deps: TokenDeps,
): Promise<Result<JsonObject, OAuthFault>> {
  const signer = snapshot.signer(client.alg)
  if (signer === undefined) return refused('temporarily_unavailable', 'The first key of this algorithm is still in its lead; try again later', 5)
  const left = notAfter === undefined ? Infinity : Math.floor(between(at, notAfter))
  const ttl = seconds(Math.min(client.ttl ?? deps.ttl, left))
  if (ttl < 1) return refused('invalid_grant', 'The subject token expires in less than a second')
  const aud = audiences.length === 1 ? audiences[0] as string : audiences
  const scope = scopes.length === 0 ? {} : { scope: scopes.join(' ') }
  const bound = key === undefined ? {} : { cnf: { jkt: key } }
  const claims = { ...client.claims, ...own, ...scope, ...bound, client_id: client.id }
  const order = { signer, typ: 'at+jwt', sub: subject, aud, issuedAt: at, ttl, claims, recordedAs: { client: client.id } } as const
  const made = await issue(order, deps)
  if (!made.ok) return refused('temporarily_unavailable', 'The audit log cannot be written', 5)
  return ok({ access_token: made.value.token, token_type: key === undefined ? 'Bearer' : 'DPoP', expires_in: ttl, ...scope, ...answer })
}
