import type { JsonObject } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { parseScope } from '../core/scope.ts'
import { instant } from '../core/time.ts'
import { audiencesOf, parseCompact, type UncheckedJws, unprovedClaim } from '../jose/verify.ts'
import { actClaim, actorsOf } from './actors.ts'
import { TOKEN_EXCHANGE } from './client.ts'
import { type OAuthFault, refused } from './fault.ts'
import { checkForeignToken, type ForeignFault } from './foreign-token.ts'
import { checkOwnToken, descentOf } from './own-token.ts'
import type { ClientContext, Entitlement, Grant, OAuthRequest } from './rules.ts'

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const TYPES: ReadonlySet<string> = new Set([ACCESS_TOKEN, 'urn:ietf:params:oauth:token-type:jwt'])

/**
 * A service that was called with a token gets a narrower one to call the next (RFC 8693): for the same subject, and
 * with the client as the actor. A token of ours bounds audience, scope and lifetime, and its revocation ends the new
 * one; one of a trusted issuer bounds the lifetime alone, since it does not know our audiences and scopes.
 */
export const tokenExchange: Grant = {
  type: TOKEN_EXCHANGE,
  entitle: async (context) => {
    const { request, deps: { issuer } } = context
    const wrong = wrongWith(request)
    if (wrong !== undefined) return refused('invalid_request', wrong)
    const jws = parseCompact(request.params.get('subject_token') ?? '')
    if (!jws.ok) return unfit(jws.error)
    if (unprovedClaim(jws.value, 'iss') === issuer) return await exchangeOwn(jws.value, context)
    const earned = await checkForeignToken(jws.value, context)
    return earned.ok ? acting(earned.value, context) : unfit(earned.error)
  },
}

async function exchangeOwn(jws: UncheckedJws, context: ClientContext): Promise<Result<Entitlement, OAuthFault>> {
  // A development token, or a bad one of the catalogue, has another type (RFC 9068 section 2.1).
  const claims = jws.typ === 'at+jwt' ? await checkOwnToken(jws, context) : fail('typ' as const)
  if (!claims.ok) return unfit(claims.error)
  const { aud, scope, sub, exp, cnf, act, sub_id: origin } = claims.value as Partial<JsonObject>
  if (typeof sub !== 'string') return unfit('sub')
  return acting({
    subject: sub,
    audiences: audiencesOf(aud),
    scopes: parseScope(scope) ?? [],
    notAfter: instant(exp as number),
    isBound: cnf !== undefined,
    claims: {
      ...descentOf(claims.value),
      ...origin === undefined ? {} : { sub_id: origin },
      ...act === undefined ? {} : { act },
    },
  }, context)
}

/** The same with the client as the latest actor. */
function acting(earned: Entitlement, { client: { id } }: ClientContext): Result<Entitlement, OAuthFault> {
  const before = actorsOf(earned.claims?.['act'])
  const act = before === undefined ? undefined : actClaim([{ sub: id }, ...before])
  if (act === undefined) return unfit('act')
  return ok({ ...earned, claims: { ...earned.claims, ...act }, answer: { issued_token_type: ACCESS_TOKEN } })
}

function wrongWith({ params }: OAuthRequest): string | undefined {
  const type = params.get('subject_token_type')
  const types = [...TYPES].join(', ')
  if (params.get('subject_token') === undefined) return 'subject_token is missing'
  if (type === undefined || !TYPES.has(type)) return `subject_token_type must be one of ${types}`
  const requested = params.get('requested_token_type') ?? ACCESS_TOKEN
  if (!TYPES.has(requested)) return `requested_token_type must be one of ${types}`
  const hasActor = params.has('actor_token') || params.has('actor_token_type')
  return hasActor ? 'actor_token is not supported: the client is the actor' : undefined
}

/** A subject token that is not valid for any reason (RFC 8693 section 2.2.2). */
function unfit(why: ForeignFault | 'revoked'): Result<never, OAuthFault> {
  return refused('invalid_request', `The subject token is refused (${why})`)
}
