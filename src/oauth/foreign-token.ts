import type { JsonObject } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { instant, seconds } from '../core/time.ts'
import { sha256 } from '../jose/digest.ts'
import { audiencesOf, type JwtFault, judgeClaims, type UncheckedJws, unprovedClaim } from '../jose/verify.ts'
import { actClaim, actorsOf, isName } from './actors.ts'
import { verifyBy } from './key-source.ts'
import type { ClientContext, Entitlement } from './rules.ts'

/** The types of JWT that a token of another issuer may have; client assertions and DPoP proofs have others. */
const TYPES: ReadonlySet<string> = new Set(['', 'jwt', 'at+jwt', 'authorization-grant+jwt'])
/** A token of a workload is valid for a day at most. */
const MAX_LIFETIME_SECONDS = seconds(86_400)

/** Why a token of another issuer is refused. */
export type ForeignFault = JwtFault | 'keys' | 'untrusted' | 'act'

/**
 * What a token earns that a trusted issuer made for us (RFC 7523 section 3), about a subject that the client may
 * exchange tokens of. It bounds the lifetime, counts once where it has a `jti`, and its issuer goes into the new token
 * (`sub_id`, RFC 9493 section 3.2.3): subjects of two issuers may have one name.
 */
export async function checkForeignToken(
  jws: UncheckedJws,
  { client, registry: { clients, issuers }, request: { now }, deps: { issuer: self, skew }, snapshot }: ClientContext,
): Promise<Result<Entitlement, ForeignFault>> {
  const name = unprovedClaim(jws, 'iss')
  const trust = client.trusts.find(({ issuer }) => issuer === name)
  const trusted = trust === undefined ? undefined : issuers.get(trust.issuer)
  if (trust === undefined || trusted === undefined || trust.issuer === self) return fail('untrusted')
  if (!TYPES.has(jws.typ)) return fail('typ')
  const checked = await verifyBy(trusted.keys, jws)
  if (!checked.ok) return checked
  const { issuer } = trust
  const { sub, aud, exp, jti, cnf, act } = checked.value as Partial<JsonObject>
  const isOnce = jti !== undefined && !trusted.mayReuse
  const since = isOnce ? snapshot.ring.restored?.at : undefined
  const wrong = judgeClaims(checked.value, { issuer, now, skew, longest: MAX_LIFETIME_SECONDS, since })
  if (wrong !== undefined) return fail(wrong)
  if (!audiencesOf(aud).includes(self)) return fail('aud')
  const isSubject = isName(sub) && trust.subjects.some((pattern) => matches(sub, pattern))
  // A client of ours is the subject of its own tokens (RFC 9068 section 5).
  if (!isSubject || clients.has(sub)) return fail('sub')
  const actors = actorsOf(act, issuer)
  const acting = actors === undefined ? undefined : actClaim(actors)
  if (acting === undefined) return fail('act')
  const until = instant(exp as number)
  const id = isOnce ? sha256(`foreign ${issuer} ${JSON.stringify(jti)}`) : undefined
  return ok({
    subject: sub,
    notAfter: until,
    isBound: cnf !== undefined,
    ...id === undefined ? {} : { once: { id, until } },
    claims: { sub_id: { format: 'iss_sub', iss: issuer, sub }, ...acting },
  })
}

function matches(subject: string, pattern: string): boolean {
  return pattern.endsWith('*') ? subject.startsWith(pattern.slice(0, -1)) : subject === pattern
}
