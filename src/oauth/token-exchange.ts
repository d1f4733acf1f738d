import type { JsonObject } from '../core/json.ts'
import { ok, type Result } from '../core/result.ts'
import { instant } from '../core/time.ts'
import { audiencesOf, parseCompact } from '../jose/verify.ts'
import { type Client, TOKEN_EXCHANGE } from './client.ts'
import { type OAuthFault, refused } from './fault.ts'
import { checkForeignToken, claimedIssuer, type ForeignFault } from './foreign-token.ts'
import type { Entitlement, Grant, GrantDeps } from './grant.ts'
import { checkOwnToken } from './own-token.ts'
import { parseScope } from './scope.ts'

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const TYPES: ReadonlySet<string> = new Set([ACCESS_TOKEN, 'urn:ietf:params:oauth:token-type:jwt'])

/**
 * A service that was called with a token gets a narrower one to call the next (RFC 8693): for the same subject, and
 * with the client as the actor. A token of ours bounds audience, scope and lifetime; one of a trusted issuer says
 * nothing about our audiences and scopes, and bounds the lifetime.
 */
export const tokenExchange: Grant = {
  type: TOKEN_EXCHANGE,
  entitle: async (params, client, deps) => {
    const wrong = wrongWith(params)
    if (wrong !== undefined) return refused('invalid_request', wrong)
    const jws = parseCompact(params.get('subject_token') ?? '')
    if (!jws.ok) return unfit(jws.error)
    const isOurs = claimedIssuer(jws.value) === deps.issuer
    if (isOurs) return await exchangeOwn(params.get('subject_token') ?? '', client, deps)
    const claims = await checkForeignToken(jws.value, client, deps)
    return claims.ok ? ok({ ...entitled(claims.value, client), audiences: undefined, scopes: undefined }) : unfit(claims.error)
  },
}

async function exchangeOwn(token: string, client: Client, deps: GrantDeps): Promise<Result<Entitlement, OAuthFault>> {
  const claims = await checkOwnToken(token, deps)
  if (!claims.ok) return unfit(claims.error)
  const { aud, scope, sub } = claims.value
  if (typeof sub !== 'string') return unfit('sub')
  return ok({ ...entitled(claims.value, client), audiences: audiencesOf(aud), scopes: parseScope(scope) ?? [] })
}

/** What either kind of subject token earns; actors nest, the latest outside (RFC 8693 section 4.1). */
function entitled({ sub, exp, act }: JsonObject, { id }: Client): Omit<Entitlement, 'audiences' | 'scopes'> {
  return {
    subject: sub as string,
    notAfter: instant(exp as number),
    claims: { act: { sub: id, ...(act === undefined ? {} : { act }) } },
    answer: { issued_token_type: ACCESS_TOKEN },
  }
}

function wrongWith(params: ReadonlyMap<string, string>): string | undefined {
  const type = params.get('subject_token_type')
  if (params.get('subject_token') === undefined) return 'subject_token is missing'
  if (type === undefined || !TYPES.has(type)) return `subject_token_type must be one of ${[...TYPES].join(', ')}`
  if (!TYPES.has(params.get('requested_token_type') ?? ACCESS_TOKEN)) return `requested_token_type must be one of ${[...TYPES].join(', ')}`
  if (params.get('actor_token') !== undefined || params.get('actor_token_type') !== undefined) return 'actor_token is not supported: the client is the actor'
  return undefined
}

/** A subject token that is not valid for any reason (RFC 8693 section 2.2.2). */
function unfit(why: ForeignFault | 'revoked'): Result<never, OAuthFault> {
  return refused('invalid_request', `The subject token is refused (${why})`)
}
