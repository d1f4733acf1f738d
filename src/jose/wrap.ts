import { webcrypto } from 'node:crypto'
import { type Base64Url, decodeBase64url, encodeBase64url } from '../core/base64url.ts'
import type { RandomBytes } from '../core/random.ts'
import type { Algorithm } from './algorithm.ts'
import { sha256 } from './digest.ts'
import type { Kid } from './jwk.ts'

/** A private JWK under AES-256-GCM, as a store holds it. */
export interface SealedKey {
  /** Names the key-encryption key. */
  readonly kek: string
  readonly iv: Base64Url
  readonly ciphertext: Base64Url
}

/** A key-encryption key: it never leaves WebCrypto, and can do nothing but wrap and unwrap. */
export interface KeyEncryptionKey {
  /** The first characters of the SHA-256 of its bytes. */
  readonly id: string
  readonly key: webcrypto.CryptoKey
}

const { subtle } = webcrypto
const IV_BYTES = 12
const KEK_BYTES = 32

/** A key-encryption key that lives as long as this process: what a store that dies with it needs. */
export async function ephemeralKek(randomBytes: RandomBytes): Promise<KeyEncryptionKey> {
  const bytes = randomBytes(KEK_BYTES)
  const key = await subtle.importKey('raw', bytes, 'AES-GCM', false, ['wrapKey', 'unwrapKey'])
  const id = sha256(bytes).slice(0, 16)
  bytes.fill(0)
  return { id, key }
}

/** Seals an extractable private key; kid and format version are additional data, so that records cannot be swapped. */
export async function wrapKey(
  key: webcrypto.CryptoKey,
  kid: Kid,
  kek: KeyEncryptionKey,
  randomBytes: RandomBytes,
): Promise<SealedKey> {
  const iv = randomBytes(IV_BYTES)
  const sealed = await subtle.wrapKey('jwk', key, kek.key, gcm(iv, kid))
  return { kek: kek.id, iv: encodeBase64url(iv), ciphertext: encodeBase64url(new Uint8Array(sealed)) }
}

/** Unseals a private key as a non-extractable one; undefined when it was sealed otherwise or altered since. */
export async function unwrapKey(
  sealed: SealedKey,
  kid: Kid,
  row: Algorithm,
  kek: KeyEncryptionKey,
): Promise<webcrypto.CryptoKey | undefined> {
  const iv = decodeBase64url(sealed.iv)
  const ciphertext = decodeBase64url(sealed.ciphertext)
  if (sealed.kek !== kek.id || iv?.length !== IV_BYTES || ciphertext === undefined) return undefined
  try {
    return await subtle.unwrapKey('jwk', ciphertext, kek.key, gcm(iv, kid), row.key, false, ['sign'])
  } catch {
    // WebCrypto tells no reason, on purpose; neither do we.
    return undefined
  }
}

function gcm(iv: Uint8Array, kid: Kid): webcrypto.AesGcmParams {
  return { name: 'AES-GCM', iv, additionalData: Buffer.from(`jwksd/key/1/${kid}`) }
}
