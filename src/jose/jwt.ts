import { encodeBase64url } from '../core/base64url.ts'
import type { JsonObject } from '../core/json.ts'
import type { RandomBytes } from '../core/random.ts'
import { after, type Instant, numericDate, type Seconds, seconds } from '../core/time.ts'
import { type CompactJws, signCompact } from './jws.ts'
import type { Signer } from './signer.ts'

/** What the issuer alone decides about a token (RFC 7519 section 4.1). */
export interface Registered {
  readonly iss: string
  readonly sub: string
  readonly aud: string | readonly string[]
  readonly iat: number
  readonly nbf: number
  readonly exp: number
  readonly jti: string
}

/** The kinds of token we make, by their `typ`, so that none can stand for another (RFC 8725 section 3.11). */
export type TokenType = 'JWT' | 'at+jwt'

/** When a token is valid. */
export interface Validity {
  readonly issuedAt: Instant
  readonly ttl: Seconds
  /** Seconds that `nbf` lies before `iat`: at least what this clock may be ahead of a verifier's. */
  readonly backdate: Seconds
}

/** What a token is to say; a registered claim stands before another of its name. */
export interface Content {
  readonly typ: TokenType
  readonly registered: Registered
  readonly others: JsonObject
}

const JTI_BYTES = 16

/** The registered claims of a token; `jti` carries 128 random bits. */
export function registeredClaims(
  parties: Pick<Registered, 'iss' | 'sub' | 'aud'>,
  { issuedAt, ttl, backdate }: Validity,
  randomBytes: RandomBytes,
): Registered {
  // Named one by one: whatever else the record holds must not become a claim.
  const { iss, sub, aud } = parties
  return {
    iss,
    sub,
    aud,
    iat: numericDate(issuedAt),
    nbf: numericDate(after(issuedAt, seconds(-backdate))),
    exp: numericDate(after(issuedAt, ttl)),
    jti: encodeBase64url(randomBytes(JTI_BYTES)),
  }
}

/** Signs claims as a JWT whose header is `alg`, `kid` and `typ` (RFC 7519 section 7.1). */
export function signJwt({ alg, kid, sign }: Signer, { typ, registered, others }: Content): Promise<CompactJws> {
  return signCompact(JSON.stringify({ alg, kid, typ }), JSON.stringify({ ...others, ...registered }), sign)
}
