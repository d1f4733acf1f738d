import { webcrypto } from 'node:crypto'
import { type Base64Url, decodeBase64url, encodeBase64url } from '../core/base64url.ts'
import { isObject, type Json } from '../core/json.ts'
import type { RandomBytes } from '../core/random.ts'
import { sha256 } from './digest.ts'

/** A key-encryption key: it never leaves WebCrypto, and does nothing but AES-256-GCM. */
export interface KeyEncryptionKey {
  /** The first characters of the SHA-256 of its bytes; `unsealed` for the one that everybody knows. */
  readonly id: string
  readonly key: webcrypto.CryptoKey
}

/** Every key-encryption key of a server: all of them open, the first one seals. */
export type Keks = readonly [KeyEncryptionKey, ...KeyEncryptionKey[]]

/** Bytes under AES-256-GCM as a store holds them: a private JWK, or nothing at all where only the tag counts. */
export interface Sealed {
  /** Names the key-encryption key. */
  readonly kek: string
  readonly iv: Base64Url
  readonly ciphertext: Base64Url
}

/** Octets of a key-encryption key. */
export const KEK_BYTES = 32

/** The name of the key-encryption key that everybody knows. */
export const UNSEALED = 'unsealed'

const { subtle } = webcrypto
const IV_BYTES = 12

/** Imports 32 bytes as a key-encryption key, and wipes them. */
export async function importKek(bytes: Uint8Array, id: string = sha256(bytes).slice(0, 16)): Promise<KeyEncryptionKey> {
  const key = await subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'])
  bytes.fill(0)
  return { id, key }
}

/** A key-encryption key that lives as long as this process: what a store that dies with it needs. */
export function ephemeralKek(randomBytes: RandomBytes): Promise<KeyEncryptionKey> {
  return importKek(randomBytes(KEK_BYTES))
}

/** Thirty-two zero bytes: whoever seals with it hides nothing, and still notices damage. */
export function unsealedKek(): Promise<KeyEncryptionKey> {
  return importKek(new Uint8Array(KEK_BYTES), UNSEALED)
}

/** WebCrypto's parameters; `context` is additional data, so that what was sealed for one use opens for no other. */
export function gcm(iv: Uint8Array, context: string): webcrypto.AesGcmParams {
  return { name: 'AES-GCM', iv, additionalData: Buffer.from(context) }
}

/** Seals bytes under the first key-encryption key, by any operation of WebCrypto that takes the parameters. */
export async function seal(
  { id }: KeyEncryptionKey,
  context: string,
  randomBytes: RandomBytes,
  encrypt: (parameters: webcrypto.AesGcmParams) => Promise<ArrayBuffer>,
): Promise<Sealed> {
  const iv = randomBytes(IV_BYTES)
  const ciphertext = await encrypt(gcm(iv, context))
  return { kek: id, iv: encodeBase64url(iv), ciphertext: encodeBase64url(new Uint8Array(ciphertext)) }
}

/** Seals bytes: what they say is hidden, and bound to the context. */
export function sealBytes(bytes: Uint8Array, context: string, kek: KeyEncryptionKey, randomBytes: RandomBytes): Promise<Sealed> {
  return seal(kek, context, randomBytes, (parameters) => subtle.encrypt(parameters, kek.key, bytes))
}

/** Opens with `decrypt`; undefined when no given key sealed it, it was altered, or it belongs to another context. */
export async function open<Opened>(
  { kek: id, iv, ciphertext }: Sealed,
  context: string,
  keks: Keks,
  decrypt: (kek: webcrypto.CryptoKey, ciphertext: Uint8Array, parameters: webcrypto.AesGcmParams) => Promise<Opened>,
): Promise<Opened | undefined> {
  const kek = keks.find((one) => one.id === id)
  const [nonce, bytes] = [decodeBase64url(iv), decodeBase64url(ciphertext)]
  if (kek === undefined || nonce?.length !== IV_BYTES || bytes === undefined) return undefined
  try {
    return await decrypt(kek.key, bytes, gcm(nonce, context))
  } catch {
    // WebCrypto tells no reason, on purpose; neither do we.
    return undefined
  }
}

/** Opens what `sealBytes` sealed. */
export async function openBytes(sealed: Sealed, context: string, keks: Keks): Promise<Uint8Array | undefined> {
  return await open(sealed, context, keks, async (kek, bytes, parameters) =>
    new Uint8Array(await subtle.decrypt(parameters, kek, bytes)))
}

/** Reads a record of sealed bytes, canonical and without another member; only a key can tell whether it is right. */
export function parseSealed(raw: Json | undefined): Sealed | undefined {
  if (!isObject(raw) || Object.keys(raw).length !== 3) return undefined
  const { kek, iv, ciphertext } = raw
  const texts = [kek, iv, ciphertext].every((text) => typeof text === 'string' && text !== '')
  const isCanonical = [iv, ciphertext].every((text) => decodeBase64url(String(text)) !== undefined)
  return texts && isCanonical ? { kek, iv, ciphertext } as Sealed : undefined
}
