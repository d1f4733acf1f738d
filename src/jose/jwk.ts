import { webcrypto } from 'node:crypto'
import type { Brand } from '../core/brand.ts'
import { decodeBase64url } from '../core/encoding.ts'
import { isObject, type Json, type JsonObject } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type Alg, algorithm, type Algorithm, parseAlg } from './algorithm.ts'
import { sha256 } from './digest.ts'

/** The name of one key: the thumbprint of its public half, or what another issuer named it. */
export type Kid = Brand<string, 'Kid'>

/** The published half of a key: `kty`, its public members, `kid`, `use`, `alg`, in that order (RFC 7517 section 4). */
export type PublicJwk = Readonly<Record<string, string>> & {
  readonly kty: string
  readonly kid: Kid
  readonly use: 'sig'
  readonly alg: Alg
}

const MIN_RSA_BYTES = 256
const MAX_RSA_BYTES = 512
const RSA_EXPONENT = 'AQAB'

/**
 * Makes the published half from what WebCrypto exports, taking only members of the allowlist: an export may hold
 * private members, `ext`, `key_ops` and an `alg` of WebCrypto's own. Throws a `TypeError` when a member is missing.
 */
export function publicJwk(row: Algorithm, exported: Readonly<Record<string, unknown>>): PublicJwk {
  const values = row.members.map((name) => {
    const value = exported[name]
    if (typeof value !== 'string') throw new TypeError(`Cannot publish a ${row.alg} key without ${name}`)
    return [name, value] as const
  })
  const members = { kty: row.kty, ...Object.fromEntries(values) }
  return { ...members, kid: thumbprint(row, members), use: 'sig', alg: row.alg }
}

/** SHA-256 over the required members in lexicographic order (RFC 7638 section 3). */
export function thumbprint(row: Algorithm, members: Readonly<Record<string, string>>): Kid {
  const covered = row.thumbprint.map((name) => [name, name === 'alg' ? row.alg : members[name]])
  return sha256(JSON.stringify(Object.fromEntries(covered))) as string as Kid
}

/** The name that a key of ours has (RFC 7638 section 3). */
export function thumbprintOf(jwk: PublicJwk): Kid {
  return thumbprint(algorithm(jwk.alg), jwk)
}

/** Reads a kid of another issuer: 1 to 256 visible ASCII characters; undefined for any other value. */
export function parseKid(value: Json | undefined): Kid | undefined {
  return typeof value === 'string' && /^[!-~]{1,256}$/.test(value) ? value as string as Kid : undefined
}

/**
 * Reads a published half that we wrote earlier: exact members, canonical and of full width, RSA moduli of 2048 to
 * 4096 bits with exponent 65537, `kid` as given, else the thumbprint. The error names the member at fault.
 */
export function parsePublicJwk(raw: Json | undefined, kid?: Kid): Result<PublicJwk, string> {
  if (!isObject(raw)) return fail('jwk')
  const alg = typeof raw['alg'] === 'string' ? parseAlg(raw['alg']) : undefined
  if (alg === undefined) return fail('alg')
  const row = algorithm(alg)
  const wrong = unsoundMember(row, raw)
  if (wrong !== undefined) return fail(wrong)
  const made = publicJwk(row, raw)
  const jwk = kid === undefined ? made : { ...made, kid }
  const unknown = [...new Set([...Object.keys(raw), ...Object.keys(jwk)])].find((name) => raw[name] !== jwk[name])
  return unknown === undefined ? ok(jwk) : fail(unknown)
}

/** The first public member that is not canonical, not of full width or too weak; undefined when all are sound. */
export function unsoundMember(row: Algorithm, raw: JsonObject): string | undefined {
  return row.members.find((name) => !isSound(row, name, raw[name]))
}

function isSound(row: Algorithm, name: string, value: Json | undefined): boolean {
  if (typeof value !== 'string') return false
  if (name === 'crv') return value === row.crv
  if (name === 'e') return value === RSA_EXPONENT
  const bytes = decodeBase64url(value)
  if (bytes === undefined) return false
  if (row.width !== undefined) return bytes.length === row.width
  // The highest bit is set, so that the modulus has all the bits that its length promises.
  return bytes.length >= MIN_RSA_BYTES && bytes.length <= MAX_RSA_BYTES && (bytes[0] ?? 0) >= 0x80
}

/** Checks signatures with one public key, under the algorithm that the key is bound to (RFC 8725 section 3.1). */
export interface Verifier {
  readonly alg: Alg
  /** The name that the owner of the key gave it. */
  readonly kid: string | undefined
  readonly verify: (data: Uint8Array, signature: Uint8Array) => Promise<boolean>
}

/** Opens a public key; rejects when the runtime does not take it, as one that is not on its curve. */
export async function openVerifier(jwk: PublicJwk, kid: string | undefined = jwk.kid): Promise<Verifier> {
  const row = algorithm(jwk.alg)
  const key = await webcrypto.subtle.importKey('jwk', importable(row, jwk), row.key, false, ['verify'])
  const { alg, signature: scheme } = row
  return { alg, kid, verify: (data, signature) => webcrypto.subtle.verify(scheme, key, signature, data) }
}

/** The members WebCrypto needs; ML-DSA keys cannot be read without `alg`, others must not be read by it. */
function importable(row: Algorithm, jwk: PublicJwk): webcrypto.JsonWebKey {
  const { kid: _kid, use: _use, alg, ...members } = jwk
  return row.kty === 'AKP' ? { ...members, alg } : members
}
