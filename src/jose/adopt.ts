import { createPrivateKey, createPublicKey, webcrypto } from 'node:crypto'
import { isObject, type Json, type JsonObject, parseJsonBytes } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type Alg, algorithm } from './algorithm.ts'
import { parseForeignJwk, PRIVATE } from './foreign-key.ts'
import type { Kid, PublicJwk } from './jwk.ts'
import type { Sealing } from './kek.ts'
import { type FreshKey, openSigner } from './signer.ts'
import { wrapKey } from './wrap.ts'

/** The name and the algorithm under which verifiers know a key of another issuer. */
interface Known {
  readonly kid: Kid
  readonly alg: Alg
}

const PEM = /^\s*-----BEGIN /

/**
 * Reads one JWK (RFC 7517 section 4), or a private or public key in PEM (RFC 7468). The failure is the end of a
 * sentence about the file.
 */
export function readJwk(bytes: Uint8Array, isPublic: boolean): Result<JsonObject, string> {
  const text = Buffer.from(bytes).toString('latin1')
  if (PEM.test(text)) return fromPem(text, isPublic)
  const parsed = parseJsonBytes(bytes)
  if (!parsed.ok) return fail(`is neither PEM nor JSON: it ${parsed.error.reason}`)
  if (!isObject(parsed.value)) return fail('is not a JWK: it must be a JSON object')
  return 'keys' in parsed.value ? fail('is a JWK Set. Take the one key out of "keys"') : ok(parsed.value)
}

function fromPem(text: string, isPublic: boolean): Result<JsonObject, string> {
  if (text.includes('ENCRYPTED')) return fail('is encrypted. Decrypt it first, for example: openssl pkey -in FILE')
  try {
    const key = isPublic ? createPublicKey(text) : createPrivateKey(text)
    return ok(key.export({ format: 'jwk' }) as JsonObject)
  } catch {
    return fail(`holds no ${isPublic ? 'public' : 'private'} key in PEM that this Node.js reads`)
  }
}

/** The public half of a key of another issuer; the failure names its member at fault. */
export function adoptPublic(raw: JsonObject, { kid, alg }: Known): Result<{ readonly jwk: PublicJwk }, string> {
  if ((raw['alg'] ?? alg) !== alg) return fail('alg')
  const parsed = parseForeignJwk({ ...raw, alg })
  if (!parsed.ok) return parsed
  return (parsed.value.kid ?? kid) === kid ? ok({ jwk: { ...parsed.value.jwk, kid } }) : fail('kid')
}

/**
 * The key of another issuer, its private half sealed, once one signature proved that the halves belong together. The
 * failure names the member at fault, or is `key` when they do not fit together.
 */
export async function adoptPrivate(
  raw: JsonObject,
  known: Known,
  sealing: Omit<Sealing, 'context'>,
): Promise<Result<FreshKey, string>> {
  const names = PRIVATE.filter((name) => raw[name] !== undefined)
  const { key_ops: operations, ...members } = raw
  if (Array.isArray(operations) && !operations.includes('sign')) return fail('key_ops')
  const open = Object.entries(members).filter(([name]) => !names.includes(name))
  const half = adoptPublic(Object.fromEntries(open), known)
  if (!half.ok) return half
  const weak = weakMember(raw)
  if (weak !== undefined) return fail(weak)
  const row = algorithm(known.alg)
  const kept = ['kty', ...row.members, ...names].map((name) => [name, raw[name]])
  const privateJwk = Object.fromEntries(row.kty === 'AKP' ? [...kept, ['alg', row.alg]] : kept)
  try {
    const key = await webcrypto.subtle.importKey('jwk', privateJwk, row.key, true, ['sign'])
    const { jwk } = half.value
    const sealed = await wrapKey(key, known.kid, sealing)
    return await openSigner(jwk, sealed, [sealing.kek]) === undefined ? fail('key') : ok({ jwk, sealed })
  } catch {
    return fail('key')
  }
}

/** The private member that gives an RSA key away: primes too close, or a short exponent (FIPS 186-5 A.1.1, A.1.3). */
function weakMember(raw: JsonObject): string | undefined {
  if (raw['kty'] !== 'RSA') return undefined
  const [p, q, d, n] = ['p', 'q', 'd', 'n'].map((name) => numberOf(raw[name]))
  if (p === undefined || q === undefined) return 'p'
  const half = BigInt((n ?? 0n).toString(2).length / 2 | 0)
  const apart = p > q ? p - q : q - p
  if (apart < 2n ** (half - 100n)) return 'p'
  return (d ?? 0n) <= 2n ** half ? 'd' : undefined
}

function numberOf(value: Json | undefined): bigint | undefined {
  const hex = typeof value === 'string' ? Buffer.from(value, 'base64url').toString('hex') : ''
  return hex === '' ? undefined : BigInt(`0x${hex}`)
}
