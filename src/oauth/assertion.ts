import { instant, seconds } from '../core/time.ts'
import { sha256 } from '../jose/digest.ts'
import { audiencesOf, judgeClaims } from '../jose/verify.ts'
import { verifyBy } from './key-source.ts'
import type { CheckAssertion } from './rules.ts'

/** The types of JWT that a client assertion may have: tokens of ours and DPoP proofs have others. */
const TYPES: ReadonlySet<string> = new Set(['', 'jwt', 'client-authentication+jwt'])
const MAX_LIFETIME_SECONDS = seconds(3600)
const MAX_JTI_LENGTH = 256

/**
 * Checks that an assertion proves that it is from the client (RFC 7523 section 3): signed by its key, issued by itself,
 * for our issuer and nobody else (RFC 10070), bounded in time, and never seen before.
 */
export const checkAssertion: CheckAssertion = async (jws, { id, auth }, context) => {
  const { request: { now }, deps: { issuer, skew, jtis }, snapshot: { ring } } = context
  if (auth.method !== 'private_key_jwt') return 'method'
  if (!TYPES.has(jws.typ)) return 'typ'
  const claims = await verifyBy(auth.keys, jws)
  if (!claims.ok) return claims.error
  const { sub, aud, exp, jti } = claims.value
  // Marks of what was used before a restore may be lost.
  const bounds = { longest: MAX_LIFETIME_SECONDS, since: ring.restored?.at }
  const wrong = judgeClaims(claims.value, { issuer: id, now, skew, ...bounds })
  if (wrong !== undefined) return wrong
  if (sub !== id) return 'sub'
  // Not for two audiences, nor for a near miss (RFC 8725 section 3.9).
  const [audience, ...others] = audiencesOf(aud)
  if (audience !== issuer || others.length > 0) return 'aud'
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH) return 'jti'
  const done = await jtis.use({ client: id, id: sha256(`assertion ${id} ${jti}`), until: instant(exp as number) })
  return done === 'new' ? undefined : done === 'known' ? 'used' : 'full'
}
