import type { JsonObject } from '../core/json.ts'
import { ok, type Result } from '../core/result.ts'
import { instant } from '../core/time.ts'
import { authenticate } from './client-auth.ts'
import { type OAuthFault, refused } from './fault.ts'
import { checkOwnToken, readOwnToken, revocationId } from './own-token.ts'
import type { OAuthRequest } from './request.ts'
import type { TokenDeps } from './token.ts'

/** What introspection tells of an active token, besides that it is (RFC 7662 section 2.2). */
const TOLD = ['scope', 'client_id', 'sub', 'aud', 'iss', 'exp', 'iat', 'nbf', 'jti', 'act', 'cnf']
const INACTIVE: JsonObject = { active: false }

/**
 * Tells an authenticated client whether a token of ours is in force (RFC 7662). Whatever is wrong with it, the answer
 * says no more than that it is not. Rejects with `StoreUnavailable`.
 */
export async function introspect(request: OAuthRequest, deps: TokenDeps): Promise<Result<JsonObject, OAuthFault>> {
  const read = await tokenOf(request, deps)
  if (!read.ok) return read
  const claims = await checkOwnToken(read.value.token, read.value.rules)
  if (!claims.ok) return ok(INACTIVE)
  const told = TOLD.flatMap((name) => claims.value[name] === undefined ? [] : [[name, claims.value[name]] as const])
  return ok({ active: true, token_type: claims.value['cnf'] === undefined ? 'Bearer' : 'DPoP', ...Object.fromEntries(told) })
}

/**
 * Takes a token back for the client that it was made for (RFC 7009): introspection and token exchange know at once,
 * whoever verifies it by its signature alone does not. A token that is not in force is nothing to take back. Rejects
 * with `StoreUnavailable`.
 */
export async function revoke(request: OAuthRequest, deps: TokenDeps): Promise<Result<undefined, OAuthFault>> {
  const read = await tokenOf(request, deps)
  if (!read.ok) return read
  const { client, token, rules } = read.value
  const claims = await readOwnToken(token, rules)
  if (!claims.ok) return ok(undefined)
  const { client_id: owner, exp, jti } = claims.value
  if (owner !== client) return refused('unauthorized_client', 'The token was made for another client')
  const isNew = await deps.jtis.mark('revoked', revocationId(claims.value), instant(exp as number))
  if (isNew) deps.emit({ name: 'token.revoked', jti: String(jti), client })
  return ok(undefined)
}

async function tokenOf(request: OAuthRequest, deps: TokenDeps) {
  const client = await authenticate(request, deps)
  if (!client.ok) return client
  if (client.value.auth.method === 'none') return refused('invalid_client', 'The client does not authenticate')
  const token = request.params.get('token')
  if (token === undefined) return refused('invalid_request', 'token is missing')
  const snapshot = await deps.current()
  if (snapshot === undefined) return refused('temporarily_unavailable', 'The key store has been out of reach for too long', 5)
  const { issuer, skew, jtis } = deps
  return ok({ client: client.value.id, token, rules: { issuer, skew, jtis, ring: snapshot.ring, now: request.at } })
}
