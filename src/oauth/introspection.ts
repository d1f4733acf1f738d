import type { JsonObject } from '../core/json.ts'
import { ok, type Result } from '../core/result.ts'
import { instant } from '../core/time.ts'
import { audiencesOf, parseCompact } from '../jose/verify.ts'
import { authenticate } from './client-auth.ts'
import { type OAuthFault, refused } from './fault.ts'
import { checkOwnToken, readOwnToken, revocationOf } from './own-token.ts'
import type { ClientContext, OAuthRequest, TokenDeps } from './rules.ts'

/** The claims of an active token that introspection shows (RFC 7662 section 2.2). */
const SHOWN = ['scope', 'client_id', 'sub', 'aud', 'iss', 'exp', 'iat', 'nbf', 'jti', 'act', 'cnf', 'txn', 'sub_id']
const INACTIVE: JsonObject = { active: false }

/**
 * Answers an authenticated client whether a token of ours is in force (RFC 7662). Whatever is wrong with it, the answer
 * is only that it is not. Rejects with `StoreUnavailable`.
 */
export async function introspect(request: OAuthRequest, deps: TokenDeps): Promise<Result<JsonObject, OAuthFault>> {
  const context = await openToken(request, deps, checkOwnToken)
  if (!context.ok) return context
  const { claims, client: { id, audiences } } = context.value
  // A client learns of no token that is neither its own nor for it (RFC 7662 section 4).
  const isConcerned = ({ client_id: owner, aud }: JsonObject): boolean =>
    owner === id || audiencesOf(aud).some((one) => audiences.includes(one))
  if (claims === undefined || !isConcerned(claims)) return ok(INACTIVE)
  const shown = SHOWN.flatMap((name) => claims[name] === undefined ? [] : [[name, claims[name]] as const])
  const kind = claims['cnf'] === undefined ? 'Bearer' : 'DPoP'
  return ok({ active: true, token_type: kind, ...Object.fromEntries(shown) })
}

/**
 * Revokes a token for the client that it was made for (RFC 7009): introspection and token exchange know at once, a
 * verifier that checks the signature alone does not. A token that is not in force need not be revoked. Rejects with
 * `StoreUnavailable`.
 */
export async function revoke(request: OAuthRequest, deps: TokenDeps): Promise<Result<undefined, OAuthFault>> {
  const context = await openToken(request, deps, (jws, about) => readOwnToken(jws, about))
  if (!context.ok) return context
  const { claims, client: { id: client } } = context.value
  if (claims === undefined) return ok(undefined)
  const { client_id: owner, exp, jti } = claims
  if (owner !== client) return refused('unauthorized_client', 'The token was made for another client')
  const done = await deps.jtis.revoke({ ...revocationOf(client, String(jti)), until: instant(exp as number) })
  if (done !== 'known') deps.emit({ name: 'token.revoked', jti: String(jti), client })
  if (done === 'all') deps.emit({ name: 'tokens.revoked', client })
  return ok(undefined)
}

/** A request about a token, from a client that has proved who it is. */
interface TokenContext extends ClientContext {
  /** Undefined when the check failed. */
  readonly claims: JsonObject | undefined
}

async function openToken(
  request: OAuthRequest,
  deps: TokenDeps,
  check: typeof checkOwnToken,
): Promise<Result<TokenContext, OAuthFault>> {
  const context = await authenticate(request, deps)
  if (!context.ok) return context
  const isOpen = context.value.client.auth.method === 'none'
  if (isOpen) return refused('invalid_client', 'The client does not authenticate')
  const token = request.params.get('token')
  if (token === undefined) return refused('invalid_request', 'token is missing')
  const jws = parseCompact(token)
  const claims = jws.ok ? await check(jws.value, context.value) : jws
  return ok({ ...context.value, claims: claims.ok ? claims.value : undefined })
}
