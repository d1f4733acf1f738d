import { isObject, parseJsonBytes } from '../core/json.ts'
import { type Instant, instant, type Seconds, seconds } from '../core/time.ts'
import { sha256 } from '../jose/digest.ts'
import { isOnlyAudience, judgeClaims, parseCompact } from '../jose/verify.ts'
import type { ClientId } from './client.ts'
import type { JtiStore } from './jti-store.ts'
import { type KeySource, verifyBy } from './key-source.ts'

/** `client_assertion_type` of the one kind of assertion that we take (RFC 7523 section 2.2). */
export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** The kinds of JWT that may be a client assertion: none of them is a token of ours, nor a DPoP proof. */
const TYPES: ReadonlySet<string> = new Set(['', 'jwt', 'client-authentication+jwt'])
/** Seconds: no assertion is good for longer. */
const LONGEST = seconds(3600)
const LONGEST_JTI = 256

/** What a client assertion is held against. */
export interface AssertionRules {
  readonly issuer: string
  readonly now: Instant
  readonly skew: Seconds
  readonly jtis: JtiStore
}

/** Who an assertion says that it is from: only to find that client's keys, since nothing is proved yet. */
export function claimedClient(assertion: string): string | undefined {
  const jws = parseCompact(assertion)
  const claims = jws.ok ? parseJsonBytes(jws.value.payload) : undefined
  return claims?.ok === true && isObject(claims.value) && typeof claims.value['sub'] === 'string' ? claims.value['sub'] : undefined
}

/**
 * Whether an assertion proves that it is from the client (RFC 7523 section 3): signed by its key, issued by itself, for
 * our issuer and nobody else (RFC 10070), bounded in time, and never seen before.
 */
export async function provesClient(assertion: string, id: ClientId, keys: KeySource, rules: AssertionRules): Promise<boolean> {
  const { issuer, now, skew, jtis } = rules
  const jws = parseCompact(assertion)
  if (!jws.ok || !TYPES.has(jws.value.typ)) return false
  const claims = await verifyBy(keys, jws.value)
  if (!claims.ok) return false
  const { sub, aud, exp, jti } = claims.value
  const isSound = judgeClaims(claims.value, { issuer: id, now, skew, longest: LONGEST }) === undefined
  if (!isSound || sub !== id || !isOnlyAudience(aud, issuer)) return false
  if (typeof jti !== 'string' || jti === '' || jti.length > LONGEST_JTI) return false
  return await jtis.mark('used', sha256(`assertion ${id} ${jti}`), instant(exp as number))
}
