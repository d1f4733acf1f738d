import { decodeBase64url } from '../core/encoding.ts'
import { isObject, type Json, type JsonObject, parseJsonBytes } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { Instant, Seconds } from '../core/time.ts'
import type { Verifier } from './jwk.ts'

/** The member, part or property at fault; never its value. */
export type JwtFault =
  | 'size' | 'form' | 'header' | 'alg' | 'crit' | 'b64' | 'typ' | 'kid' | 'signature' | 'claims'
  | 'iss' | 'sub' | 'aud' | 'exp' | 'iat' | 'nbf' | 'jti'

/** A well-formed JWS whose signature has not been checked. */
export interface UncheckedJws {
  readonly header: JsonObject
  /** The `typ` in lower case, without `application/` (RFC 7515 section 4.1.9); empty when there is none. */
  readonly typ: string
  readonly payload: Uint8Array
  readonly signingInput: Uint8Array
  readonly signature: Uint8Array
}

const MAX_JWS_LENGTH = 16_384

/**
 * Parses a compact JWS (RFC 7515 section 7.1): exactly three parts in canonical base64url, a header without
 * duplicate members, and no extension: we know none, so `crit` and `b64` are refused.
 */
export function parseCompact(text: string): Result<UncheckedJws, JwtFault> {
  if (text.length > MAX_JWS_LENGTH) return fail('size')
  const parts = text.split('.')
  const [head, payload, signature] = parts.map(decodeBase64url)
  if (parts.length !== 3 || head === undefined || payload === undefined || signature === undefined) return fail('form')
  const header = parseJsonBytes(head)
  if (!header.ok || !isObject(header.value)) return fail('header')
  const { crit, b64, typ = '' } = header.value as Partial<JsonObject>
  if (crit !== undefined) return fail('crit')
  if (b64 !== undefined) return fail('b64')
  if (typeof typ !== 'string') return fail('typ')
  return ok({
    header: header.value,
    typ: typ.toLowerCase().replace(/^application\//, ''),
    payload,
    signingInput: Buffer.from(`${parts[0]}.${parts[1]}`, 'latin1'),
    signature,
  })
}

/** A text claim of a token that has not been checked; use it only to find the keys to check it with. */
export function unprovedClaim({ payload }: UncheckedJws, name: 'iss' | 'sub'): string | undefined {
  const claims = parseJsonBytes(payload)
  const claim = claims.ok && isObject(claims.value) ? claims.value[name] : undefined
  return typeof claim === 'string' ? claim : undefined
}

/**
 * Checks the signature with the key that the header names among the given ones, and returns the claims. The header
 * only chooses: a key is used under its own algorithm or not at all, before any cryptography (RFC 8725 section 3.1),
 * and no key comes from the header.
 */
export async function verifyJws(jws: UncheckedJws, keys: readonly Verifier[]): Promise<Result<JsonObject, JwtFault>> {
  const key = keyFor(jws.header, keys)
  if (!key.ok) return key
  if (!await key.value.verify(jws.signingInput, jws.signature)) return fail('signature')
  const claims = parseJsonBytes(jws.payload)
  return claims.ok && isObject(claims.value) ? ok(claims.value) : fail('claims')
}

/** The key that signed; `kid` may be missing if exactly one key has this algorithm. */
function keyFor({ alg, kid }: JsonObject, keys: readonly Verifier[]): Result<Verifier, 'alg' | 'kid'> {
  const named = kid === undefined ? keys : keys.filter((key) => key.kid === kid)
  if (named.length === 0) return fail('kid')
  const [key, ...others] = named.filter((one) => one.alg === alg)
  if (key === undefined) return fail('alg')
  return others.length === 0 ? ok(key) : fail('kid')
}

/** What the claims of a token must be. */
interface ClaimRules {
  readonly issuer: string
  readonly now: Instant
  /** Seconds that the issuer's clock may be ahead of ours; they do not prolong `exp`. */
  readonly skew: Seconds
  /** Seconds that `exp` may lie ahead at most. */
  readonly longest: Seconds
  /** What may have been made before counts no more; without `iat` a token is as old as its `exp` allows. */
  readonly since?: Instant | undefined
}

/** Checks issuer and times of a token (RFC 7519 section 4.1); returns the claim at fault, if there is one. */
export function judgeClaims(claims: JsonObject, rules: ClaimRules): JwtFault | undefined {
  const { issuer, now, skew, longest, since = -Infinity } = rules
  const { iss, exp, iat, nbf } = claims as Partial<JsonObject>
  if (iss !== issuer) return 'iss'
  if (typeof exp !== 'number' || exp <= now || exp > now + longest + skew) return 'exp'
  if (iat !== undefined && !(typeof iat === 'number' && iat <= now + skew)) return 'iat'
  if ((iat ?? exp - longest) < since + skew) return 'iat'
  if (nbf !== undefined && !(typeof nbf === 'number' && nbf <= now + skew)) return 'nbf'
  return undefined
}

/** The audiences of a token; empty when `aud` is neither text nor a list of texts (RFC 7519 section 4.1.3). */
export function audiencesOf(aud: Json | undefined): readonly string[] {
  const list = Array.isArray(aud) ? aud : [aud]
  return list.every((name) => typeof name === 'string') ? list : []
}
