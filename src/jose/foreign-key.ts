import { decodeBase64url } from '../core/encoding.ts'
import { isObject, type Json, type JsonObject } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type Alg, algorithm, type Algorithm, parseAlg } from './algorithm.ts'
import { openVerifier, publicJwk, type PublicJwk, unsoundMember, type Verifier } from './jwk.ts'

/** Members that only the owner of a key may have (RFC 7518 section 6, RFC 9964). */
export const PRIVATE: readonly string[] = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']
const MAX_KID_LENGTH = 256
const MAX_KEYS = 100

/** The default algorithm of a key that names none, by its kind and curve. */
const DEFAULT_ALGS: ReadonlyMap<string, Alg> = new Map([
  ['RSA ', 'RS256'], ['EC P-256', 'ES256'], ['EC P-384', 'ES384'], ['EC P-521', 'ES512'], ['OKP Ed25519', 'EdDSA'],
])

/** Points of Ed25519 whose order is so small that one signature verifies for many messages, without the sign bit. */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  `00${'00'.repeat(31)}`,
  `01${'00'.repeat(31)}`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
])

/** A public key that another party made, and the kid that its owner gave it. */
interface ForeignKey {
  readonly jwk: PublicJwk
  readonly kid: string | undefined
}

/**
 * Reads a public key that another party made. It is bound to one algorithm: the one that it names, else the default of
 * its kind, never the one that a header names (RFC 8725 section 3.1). The failure names the member at fault.
 */
export function parseForeignJwk(raw: Json | undefined): Result<ForeignKey, string> {
  if (!isObject(raw)) return fail('jwk')
  const secret = PRIVATE.find((name) => raw[name] !== undefined)
  if (secret !== undefined) return fail(secret)
  const { kty, crv = '', kid, use = 'sig', key_ops: operations = ['verify'] } = raw as Partial<JsonObject>
  const named = raw['alg'] ?? DEFAULT_ALGS.get(`${String(kty)} ${String(crv)}`)
  const alg = typeof named === 'string' ? parseAlg(named) : undefined
  if (alg === undefined) return fail('alg')
  const row = algorithm(alg)
  if (kty !== row.kty) return fail('kty')
  if (use !== 'sig') return fail('use')
  if (!Array.isArray(operations) || !operations.includes('verify')) return fail('key_ops')
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID_LENGTH)) return fail('kid')
  const wrong = unsoundMember(row, raw) ?? weaknessOf(row, raw)
  return wrong === undefined ? ok({ jwk: publicJwk(row, raw), kid }) : fail(wrong)
}

function weaknessOf({ crv }: Algorithm, raw: JsonObject): string | undefined {
  const x = crv === 'Ed25519' ? decodeBase64url(String(raw['x'])) : undefined
  if (x === undefined) return undefined
  const masked = Buffer.from(x)
  masked[31] = (masked[31] ?? 0) & 0x7f
  return SMALL_ORDER.has(masked.toString('hex')) ? 'x' : undefined
}

/** The first private member of a JWK Set or of one of its keys; undefined when it has none. */
export function privateMember(root: Json | undefined): string | undefined {
  const keys = isObject(root) && Array.isArray(root['keys']) ? root['keys'] : []
  return [root, ...keys].flatMap((key) => isObject(key) ? PRIVATE.filter((name) => name in key) : [])[0]
}

/**
 * Opens every key of a JWK Set that we can use (RFC 7517 section 5): one that we do not understand is ignored, as is
 * one that is not on its curve; `drop` learns of it. Undefined when it is no JWK Set.
 */
export async function openJwkSet(
  root: Json | undefined,
  drop: Drop = () => {},
): Promise<readonly Verifier[] | undefined> {
  const list = isObject(root) ? root['keys'] : undefined
  if (!Array.isArray(list) || list.length > MAX_KEYS) return undefined
  const open = await Promise.all(list.map(async (raw, place) => {
    const keys = namedAlike(raw).map(parseForeignJwk)
    const opened = keys.map((key) => key.ok ? openVerifier(key.value.jwk, key.value.kid) : Promise.reject(key.error))
    return await Promise.all(opened).catch((error: unknown) => {
      drop(place, typeof error === 'string' ? error : 'key')
      return []
    })
  }))
  return open.flat()
}

/** Learns the place of a key in its set, and its member at fault; `key` if they do not fit together. */
export type Drop = (place: number, member: string) => void

/** A key under each name of its algorithm: Ed25519 has two (RFC 8037, RFC 9864), if the key itself names neither. */
function namedAlike(raw: Json): readonly Json[] {
  const hasTwo = isObject(raw) && raw['crv'] === 'Ed25519' && raw['alg'] === undefined
  return hasTwo ? ['EdDSA', 'Ed25519'].map((alg) => ({ ...raw, alg })) : [raw]
}
