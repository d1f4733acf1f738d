import type { ClientFault } from '../core/event.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { isSameSecret, sha256 } from '../jose/digest.ts'
import { type JwtFault, parseCompact, type UncheckedJws, unprovedClaim } from '../jose/verify.ts'
import type { Client } from './client.ts'
import { type OAuthFault, refused, TOO_MANY, unavailable } from './fault.ts'
import type { ClientContext, Context, OAuthRequest, TokenDeps } from './rules.ts'

/** `client_assertion_type` of the only kind of assertion that we accept (RFC 7523 section 2.2). */
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** What a request presents as proof of who sends it. */
type Evidence =
  | { readonly method: 'client_secret_basic' | 'client_secret_post'; readonly id: string; readonly secret: string }
  | { readonly method: 'private_key_jwt'; readonly id: string; readonly assertion: Result<UncheckedJws, JwtFault> }
  | { readonly method: 'none'; readonly id: string }

/** No registered name is longer. */
const MAX_ID_LENGTH = 256
const NOT_PROVED = 'The client is not registered, or its authentication failed'

/** Stands for a hash that a client lacks, so that every comparison takes as long: no secret has this SHA-256. */
const NO_HASH = 'none'

/**
 * Authenticates the client that sends a request (RFC 6749 section 2.3): by exactly one method, the one that it is
 * registered for. An unknown client and a wrong secret get the same answer after the same work.
 */
export async function authenticate(request: OAuthRequest, deps: TokenDeps): Promise<Result<ClientContext, OAuthFault>> {
  const snapshot = await deps.current()
  if (snapshot === undefined) return unavailable('The key store has been out of reach for too long')
  const context = { request, deps, snapshot, registry: deps.clients.registry }
  const evidence = evidenceOf(request)
  const id = evidence.ok ? evidence.value.id : ''
  if (!evidence.ok || id.length > MAX_ID_LENGTH) {
    const isQuiet = deps.throttle(`${request.address} `) !== undefined
    const reason = evidence.ok ? 'unregistered' : 'credentials'
    if (!isQuiet) deps.emit({ name: 'client.refused', client: 'unknown', address: request.address, reason })
    return evidence.ok ? refused('invalid_client', NOT_PROVED) : evidence
  }
  const client = context.registry.clients.get(id)
  const wrong = await faultOf(evidence.value, client, context)
  if (wrong === undefined && client !== undefined) return ok({ ...context, client })
  const reason = wrong ?? 'unregistered'
  // Only what failed is throttled: nobody can lock a client out by failing in its name.
  const retryAfter = reason === 'full' ? undefined : deps.throttle(`${request.address} ${id}`)
  if (retryAfter !== undefined) {
    const description = 'Too many attempts failed; try again later'
    return fail({ code: 'temporarily_unavailable', description, retryAfter, status: 429 })
  }
  // An unregistered name is not recorded: it could be a secret in the wrong place.
  deps.emit({ name: 'client.refused', client: client?.id ?? 'unknown', address: request.address, reason })
  return reason === 'full' ? unavailable(TOO_MANY) : refused('invalid_client', NOT_PROVED)
}

/** What is wrong with the evidence; for an unknown client and a wrong secret after the same work. */
async function faultOf(
  evidence: Evidence,
  client: Client | undefined,
  context: Context,
): Promise<ClientFault | undefined> {
  const auth = client?.auth
  const other = auth === undefined ? 'unregistered' : 'method'
  switch (evidence.method) {
    case 'client_secret_basic':
    case 'client_secret_post': {
      const [first = NO_HASH, second = NO_HASH] = auth !== undefined && 'hashes' in auth ? auth.hashes : []
      const given = sha256(evidence.secret)
      const matches = [first, second].map((hash) => isSameSecret(given, hash))
      if (auth?.method !== evidence.method) return other
      return matches.includes(true) ? undefined : 'secret'
    }
    case 'private_key_jwt':
      if (!evidence.assertion.ok) return evidence.assertion.error
      if (client === undefined) return other
      return await (context.registry.checkAssertion?.(evidence.assertion.value, client, context) ?? 'method')
    case 'none':
      return auth?.method === 'none' ? undefined : other
    default:
      return evidence satisfies never
  }
}

/** The one proof that a request presents; a fault if there are several, or none. */
function evidenceOf({ params, basic }: OAuthRequest): Result<Evidence, OAuthFault> {
  const [id, secret] = [params.get('client_id'), params.get('client_secret')]
  const [assertion, type] = [params.get('client_assertion'), params.get('client_assertion_type')]
  const count = [basic, secret, assertion ?? type].filter((one) => one !== undefined).length
  if (count > 1) return refused('invalid_request', 'A client authenticates by one method at a time')
  if (basic !== undefined) {
    const isOther = id !== undefined && id !== basic.user
    if (isOther) return refused('invalid_request', 'client_id differs from the user of HTTP Basic')
    return ok({ method: 'client_secret_basic', id: basic.user, secret: basic.password })
  }
  if (secret !== undefined) {
    if (id === undefined) return refused('invalid_request', 'client_secret comes with client_id')
    return ok({ method: 'client_secret_post', id, secret })
  }
  if (assertion !== undefined && type === ASSERTION_TYPE) return assertionOf(id, assertion)
  if (assertion !== undefined || type !== undefined) {
    return refused('invalid_request', `client_assertion comes with a client_assertion_type of ${ASSERTION_TYPE}`)
  }
  return id === undefined ? refused('invalid_client', 'The client does not authenticate') : ok({ method: 'none', id })
}

/** An assertion names its client itself (RFC 7521 section 4.2). */
function assertionOf(id: string | undefined, assertion: string): Result<Evidence, OAuthFault> {
  const jws = parseCompact(assertion)
  const claimed = jws.ok ? unprovedClaim(jws.value, 'sub') : undefined
  if (id !== undefined && claimed !== undefined && id !== claimed) {
    return refused('invalid_request', 'client_id differs from the subject of the assertion')
  }
  return ok({ method: 'private_key_jwt', id: claimed ?? id ?? '', assertion: jws })
}
