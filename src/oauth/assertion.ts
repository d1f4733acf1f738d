import { instant, seconds } from '../core/time.ts'
import { sha256 } from '../jose/digest.ts'
import { isOnlyAudience, judgeClaims } from '../jose/verify.ts'
import { verifyBy } from './key-source.ts'
import type { CheckAssertion } from './rules.ts'

/** The kinds of JWT that may be a client assertion: none of them is a token of ours, nor a DPoP proof. */
const TYPES: ReadonlySet<string> = new Set(['', 'jwt', 'client-authentication+jwt'])
const MAX_LIFETIME = seconds(3600)
const MAX_JTI_LENGTH = 256

/**
 * Whether an assertion proves that it is from the client (RFC 7523 section 3): signed by its key, issued by itself, for
 * our issuer and nobody else (RFC 10070), bounded in time, and never seen before.
 */
export const checkAssertion: CheckAssertion = async (jws, { id, keys }, { issuer, now, skew, jtis }) => {
  if (!TYPES.has(jws.typ)) return false
  const claims = await verifyBy(keys, jws)
  if (!claims.ok) return false
  const { sub, aud, exp, jti } = claims.value
  const isSound = judgeClaims(claims.value, { issuer: id, now, skew, longest: MAX_LIFETIME }) === undefined
  if (!isSound || sub !== id || !isOnlyAudience(aud, issuer)) return false
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH) return false
  return await jtis.mark('used', sha256(`assertion ${id} ${jti}`), instant(exp as number))
}
