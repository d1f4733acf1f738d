import { webcrypto } from 'node:crypto'
import { type Base64Url, decodeBase64url, encodeBase64url } from '../core/encoding.ts'
import { isObject, type Json } from '../core/json.ts'
import type { RandomBytes } from '../core/random.ts'
import { sha256 } from './digest.ts'

/** A key-encryption key: it never leaves WebCrypto, and does nothing but AES-256-GCM. */
export interface KeyEncryptionKey {
  /** The first characters of the SHA-256 of its bytes; `unsealed` for the one that everybody knows. */
  readonly id: string
  readonly key: webcrypto.CryptoKey
}

/** The key-encryption keys of a server: the first one encrypts, all of them can decrypt. */
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

/** The id of the key-encryption key that everybody knows. */
export const UNSEALED = 'unsealed'

const { subtle } = webcrypto
const IV_BYTES = 12

/** Imports 32 bytes as a key-encryption key, and wipes them. */
export async function importKek(bytes: Uint8Array, id: string = sha256(bytes).slice(0, 16)): Promise<KeyEncryptionKey> {
  const key = await subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt'])
  bytes.fill(0)
  return { id, key }
}

/** A key-encryption key for a store that ends with this process. */
export function ephemeralKek(randomBytes: RandomBytes): Promise<KeyEncryptionKey> {
  return importKek(randomBytes(KEK_BYTES))
}

/** Thirty-two zero bytes: it hides nothing, but damage is still noticed. */
export function unsealedKek(): Promise<KeyEncryptionKey> {
  return importKek(new Uint8Array(KEK_BYTES), UNSEALED)
}

/** How bytes are sealed; `context` names their use, and what was sealed for one use opens for no other. */
export interface Sealing {
  readonly kek: KeyEncryptionKey
  readonly context: string
  readonly randomBytes: RandomBytes
}

/** Seals bytes. */
export async function sealBytes(bytes: Uint8Array, { kek, context, randomBytes }: Sealing): Promise<Sealed> {
  const iv = randomBytes(IV_BYTES)
  const ciphertext = await subtle.encrypt(gcm(iv, context), kek.key, bytes)
  return { kek: kek.id, iv: encodeBase64url(iv), ciphertext: encodeBase64url(new Uint8Array(ciphertext)) }
}

/** How sealed bytes are opened. */
interface Opening {
  readonly keks: Keks
  readonly context: string
}

/** Opens sealed bytes; undefined when no given key sealed them, they were altered, or belong to another context. */
export async function openBytes(
  { kek: id, iv, ciphertext }: Sealed,
  { keks, context }: Opening,
): Promise<Uint8Array | undefined> {
  const kek = keks.find((one) => one.id === id)
  const [nonce, bytes] = [decodeBase64url(iv), decodeBase64url(ciphertext)]
  if (kek === undefined || nonce?.length !== IV_BYTES || bytes === undefined) return undefined
  // WebCrypto gives no reason, on purpose; neither do we.
  const opened = await subtle.decrypt(gcm(nonce, context), kek.key, bytes).catch(() => undefined)
  return opened === undefined ? undefined : new Uint8Array(opened)
}

/** Reads a record of sealed bytes, canonical and without another member; only a key can tell whether it is right. */
export function parseSealed(raw: Json | undefined): Sealed | undefined {
  if (!isObject(raw) || Object.keys(raw).length !== 3) return undefined
  const { kek, iv, ciphertext } = raw
  const texts = [kek, iv, ciphertext].every((text) => typeof text === 'string' && text !== '')
  const isCanonical = [iv, ciphertext].every((text) => decodeBase64url(String(text)) !== undefined)
  return texts && isCanonical ? { kek, iv, ciphertext } as Sealed : undefined
}

function gcm(iv: Uint8Array, context: string): webcrypto.AesGcmParams {
  return { name: 'AES-GCM', iv, additionalData: Buffer.from(context) }
}
