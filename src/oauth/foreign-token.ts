import type { JsonObject } from '../core/json.ts'
import { isObject, parseJsonBytes } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { seconds } from '../core/time.ts'
import { audiencesOf, type JwtFault, judgeClaims, type UncheckedJws } from '../jose/verify.ts'
import type { Client, Registry } from './client.ts'
import type { GrantDeps } from './grant.ts'
import { verifyBy } from './key-source.ts'

/** The kinds of JWT that somebody else's token may be; a client assertion or a DPoP proof is none of them. */
const TYPES: ReadonlySet<string> = new Set(['', 'jwt', 'at+jwt', 'authorization-grant+jwt'])
/** Seconds: a workload's token lives for a day at most. */
const LONGEST = seconds(86_400)

/** Why a token of somebody else is refused. */
export type ForeignFault = JwtFault | 'keys' | 'untrusted'

/** Who an unchecked token says that it is from: only to find that issuer's keys, since nothing is proved yet. */
export function claimedIssuer(jws: UncheckedJws): string | undefined {
  const claims = parseJsonBytes(jws.payload)
  return claims.ok && isObject(claims.value) && typeof claims.value['iss'] === 'string' ? claims.value['iss'] : undefined
}

/**
 * The claims of a token that a trusted issuer made for us (RFC 7523 section 3), about a subject that the client may
 * trade in.
 */
export async function checkForeignToken(jws: UncheckedJws, client: Client, deps: GrantDeps): Promise<Result<JsonObject & { readonly sub: string }, ForeignFault>> {
  const trusted = issuerOf(jws, client, deps.registry)
  if (trusted === undefined) return fail('untrusted')
  if (!TYPES.has(jws.typ)) return fail('typ')
  const checked = await verifyBy(trusted.keys, jws)
  if (!checked.ok) return checked
  const claims = checked.value
  const { now, skew } = deps
  const wrong = judgeClaims(claims, { issuer: trusted.issuer, now, skew, longest: LONGEST })
  if (wrong !== undefined) return fail(wrong)
  if (!audiencesOf(claims['aud']).includes(deps.issuer)) return fail('aud')
  const { sub } = claims
  if (typeof sub !== 'string' || !trusted.subjects.some((pattern) => matches(sub, pattern))) return fail('sub')
  return ok({ ...claims, sub })
}

function issuerOf(jws: UncheckedJws, client: Client, registry: Registry) {
  const name = claimedIssuer(jws)
  const trust = client.trusts.find(({ issuer }) => issuer === name)
  const issuer = trust === undefined ? undefined : registry.issuers.get(trust.issuer)
  return trust === undefined || issuer === undefined ? undefined : { ...issuer, subjects: trust.subjects }
}

function matches(subject: string, pattern: string): boolean {
  return pattern.endsWith('*') ? subject.startsWith(pattern.slice(0, -1)) : subject === pattern
}
