import type { JsonObject } from '../core/json.ts'
import { ok, type Result } from '../core/result.ts'
import { instant } from '../core/time.ts'
import { parseCompact, type UncheckedJws } from '../jose/verify.ts'
import { authenticate } from './client-auth.ts'
import type { ClientId } from './client.ts'
import { type OAuthFault, refused } from './fault.ts'
import { checkOwnToken, readOwnToken, revocationId } from './own-token.ts'
import type { OAuthRequest } from './request.ts'
import type { Rules } from './rules.ts'
import { openRules, type TokenDeps } from './token.ts'

/** The claims of an active token that introspection shows (RFC 7662 section 2.2). */
const SHOWN = ['scope', 'client_id', 'sub', 'aud', 'iss', 'exp', 'iat', 'nbf', 'jti', 'act', 'cnf']
const INACTIVE: JsonObject = { active: false }

/**
 * Answers an authenticated client whether a token of ours is in force (RFC 7662). Whatever is wrong with it, the answer
 * is only that it is not. Rejects with `StoreUnavailable`.
 */
export async function introspect(request: OAuthRequest, deps: TokenDeps): Promise<Result<JsonObject, OAuthFault>> {
  const asked = await askedToken(request, deps)
  if (!asked.ok) return asked
  const { jws, rules } = asked.value
  const claims = jws === undefined ? undefined : await checkOwnToken(jws, rules)
  if (claims?.ok !== true) return ok(INACTIVE)
  const shown = SHOWN.flatMap((name) => claims.value[name] === undefined ? [] : [[name, claims.value[name]] as const])
  const kind = claims.value['cnf'] === undefined ? 'Bearer' : 'DPoP'
  return ok({ active: true, token_type: kind, ...Object.fromEntries(shown) })
}

/**
 * Revokes a token for the client that it was made for (RFC 7009): introspection and token exchange know at once, a
 * verifier that checks the signature alone does not. A token that is not in force need not be revoked. Rejects with
 * `StoreUnavailable`.
 */
export async function revoke(request: OAuthRequest, deps: TokenDeps): Promise<Result<undefined, OAuthFault>> {
  const asked = await askedToken(request, deps)
  if (!asked.ok) return asked
  const { client, jws, rules } = asked.value
  const claims = jws === undefined ? undefined : await readOwnToken(jws, rules)
  if (claims?.ok !== true) return ok(undefined)
  const { client_id: owner, exp, jti } = claims.value
  if (owner !== client) return refused('unauthorized_client', 'The token was made for another client')
  const isNew = await deps.jtis.mark('revoked', revocationId(claims.value), instant(exp as number))
  if (isNew) deps.emit({ name: 'token.revoked', jti: String(jti), client })
  return ok(undefined)
}

/** The token that a request is about, for a client that has proved who it is. */
interface Asked {
  readonly client: ClientId
  /** Undefined when it is no JWS. */
  readonly jws: UncheckedJws | undefined
  readonly rules: Rules
}

async function askedToken(request: OAuthRequest, deps: TokenDeps): Promise<Result<Asked, OAuthFault>> {
  const opened = await openRules(request, deps)
  if (!opened.ok) return opened
  const { rules } = opened.value
  const client = await authenticate(request, rules, deps)
  if (!client.ok) return client
  if (client.value.auth.method === 'none') return refused('invalid_client', 'The client does not authenticate')
  const token = request.params.get('token')
  if (token === undefined) return refused('invalid_request', 'token is missing')
  const jws = parseCompact(token)
  return ok({ client: client.value.id, jws: jws.ok ? jws.value : undefined, rules })
}
