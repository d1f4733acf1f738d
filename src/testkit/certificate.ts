import { createPublicKey, type JsonWebKey } from 'node:crypto'
import type { Alg } from '../jose/algorithm.ts'
import type { Signer } from '../jose/signer.ts'

const RSA = [1, 2, 840, 113549, 1, 1]
const ECDSA = [1, 2, 840, 10045, 4, 3]
const ED25519 = [1, 3, 101, 112]
/** The object identifiers of signatures (RFC 8017 appendix C, RFC 5758 section 3.2, RFC 8410 section 3). */
const SIGNATURES: ReadonlyMap<Alg, readonly number[]> = new Map([
  ['RS256', [...RSA, 11]], ['RS384', [...RSA, 12]], ['RS512', [...RSA, 13]],
  ['ES256', [...ECDSA, 2]], ['ES384', [...ECDSA, 3]], ['ES512', [...ECDSA, 4]],
  ['EdDSA', ED25519], ['Ed25519', ED25519],
])
const COMMON_NAME = [2, 5, 4, 3]
/** The longest that two digits of a year can express (RFC 5280 section 4.1.2.5.1). */
const VALIDITY = ['000101000000Z', '491231235959Z']
const TAG = {
  integer: 0x02, bits: 0x03, null: 0x05, oid: 0x06, text: 0x0c, time: 0x17, sequence: 0x30, set: 0x31, version: 0xa0,
} as const

/** A certificate that a key signs for itself, in DER (RFC 5280 section 4.1); undefined without a row for its alg. */
export async function selfSigned({ alg, jwk, sign }: Signer, name: string): Promise<Buffer | undefined> {
  const oid = SIGNATURES.get(alg)
  if (oid === undefined) return undefined
  const { kid: _kid, use: _use, alg: _alg, ...members } = jwk
  const signature = sequence(objectId(oid), ...(alg.startsWith('RS') ? [element(TAG.null, Buffer.alloc(0))] : []))
  const names = sequence(element(TAG.set, sequence(objectId(COMMON_NAME), element(TAG.text, Buffer.from(name)))))
  const body = sequence(
    element(TAG.version, integer(Buffer.of(2))),
    integer(Buffer.of(1)),
    signature,
    names,
    sequence(...VALIDITY.map((time) => element(TAG.time, Buffer.from(time)))),
    names,
    createPublicKey({ key: members as JsonWebKey, format: 'jwk' }).export({ format: 'der', type: 'spki' }),
  )
  const raw = Buffer.from(await sign(body))
  return sequence(body, signature, bits(alg.startsWith('ES') ? ecdsaSignature(raw) : raw))
}

/** R and S as a sequence of two integers (RFC 3279 section 2.2.3). */
export function ecdsaSignature(raw: Buffer): Buffer {
  return sequence(integer(raw.subarray(0, raw.length / 2)), integer(raw.subarray(raw.length / 2)))
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return element(TAG.sequence, Buffer.concat(parts))
}

/** An integer that is not negative, in the fewest bytes (X.690 section 8.3). */
function integer(bytes: Buffer): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0)
  const short = first < 0 ? Buffer.of(0) : bytes.subarray(first)
  return element(TAG.integer, (short[0] ?? 0) < 0x80 ? short : Buffer.concat([Buffer.of(0), short]))
}

function bits(bytes: Buffer): Buffer {
  return element(TAG.bits, Buffer.concat([Buffer.of(0), bytes]))
}

function objectId([first = 0, second = 0, ...rest]: readonly number[]): Buffer {
  return element(TAG.oid, Buffer.from([40 * first + second, ...rest.flatMap(base128)]))
}

function base128(number: number): readonly number[] {
  const digits = [number & 0x7f]
  for (let left = number >> 7; left > 0; left >>= 7) digits.unshift(0x80 | left & 0x7f)
  return digits
}

/** One value behind its tag and length (X.690 section 8.1). */
function element(tag: number, content: Buffer): Buffer {
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}
