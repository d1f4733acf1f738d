import type { JsonObject } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { seconds } from '../core/time.ts'
import { audiencesOf, type JwtFault, judgeClaims, type UncheckedJws, unprovedClaim } from '../jose/verify.ts'
import { verifyBy } from './key-source.ts'
import type { ClientContext } from './rules.ts'

/** The types of JWT that a token of another issuer may have; client assertions and DPoP proofs have others. */
const TYPES: ReadonlySet<string> = new Set(['', 'jwt', 'at+jwt', 'authorization-grant+jwt'])
/** A token of a workload is valid for a day at most. */
const MAX_LIFETIME_SECONDS = seconds(86_400)

/** Why a token of another issuer is refused. */
export type ForeignFault = JwtFault | 'keys' | 'untrusted'

/**
 * The claims of a token that a trusted issuer made for us (RFC 7523 section 3), about a subject that the client may
 * exchange tokens of.
 */
export async function checkForeignToken(
  jws: UncheckedJws,
  { client, registry: { issuers }, request: { now }, deps: { issuer, skew } }: ClientContext,
): Promise<Result<JsonObject & { readonly sub: string }, ForeignFault>> {
  const name = unprovedClaim(jws, 'iss')
  const trusted = client.trusts.find((trust) => trust.issuer === name)
  const keys = trusted === undefined ? undefined : issuers.get(trusted.issuer)
  if (trusted === undefined || keys === undefined) return fail('untrusted')
  if (!TYPES.has(jws.typ)) return fail('typ')
  const checked = await verifyBy(keys, jws)
  if (!checked.ok) return checked
  const claims = checked.value
  const wrong = judgeClaims(claims, { issuer: trusted.issuer, now, skew, longest: MAX_LIFETIME_SECONDS })
  if (wrong !== undefined) return fail(wrong)
  if (!audiencesOf(claims['aud']).includes(issuer)) return fail('aud')
  const { sub } = claims
  if (typeof sub !== 'string' || !trusted.subjects.some((pattern) => matches(sub, pattern))) return fail('sub')
  return ok({ ...claims, sub })
}

function matches(subject: string, pattern: string): boolean {
  return pattern.endsWith('*') ? subject.startsWith(pattern.slice(0, -1)) : subject === pattern
}
