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
  const key = await subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'])
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

/** Seals by an operation of WebCrypto that takes the parameters of AES-GCM. */
export async function seal(
  { kek, context, randomBytes }: Sealing,
  encrypt: (parameters: webcrypto.AesGcmParams) => Promise<ArrayBuffer>,
): Promise<Sealed> {
  const iv = randomBytes(IV_BYTES)
  const ciphertext = await encrypt(gcm(iv, context))
  return { kek: kek.id, iv: encodeBase64url(iv), ciphertext: encodeBase64url(new Uint8Array(ciphertext)) }
}

/** Seals bytes. */
export function sealBytes(bytes: Uint8Array, sealing: Sealing): Promise<Sealed> {
  return seal(sealing, (parameters) => subtle.encrypt(parameters, sealing.kek.key, bytes))
}

/** How sealed bytes are opened. */
interface Opening {
  readonly keks: Keks
  readonly context: string
}

/** Opens with `decrypt`; undefined when no given key sealed it, it was altered, or it belongs to another context. */
export async function open<Opened>(
  { kek: id, iv, ciphertext }: Sealed,
  { keks, context }: Opening,
  decrypt: (kek: webcrypto.CryptoKey, ciphertext: Uint8Array, parameters: webcrypto.AesGcmParams) => Promise<Opened>,
): Promise<Opened | undefined> {
  const kek = keks.find((one) => one.id === id)
  const [nonce, bytes] = [decodeBase64url(iv), decodeBase64url(ciphertext)]
  if (kek === undefined || nonce?.length !== IV_BYTES || bytes === undefined) return undefined
  // WebCrypto gives no reason, on purpose; neither do we.
  return await decrypt(kek.key, bytes, gcm(nonce, context)).catch(() => undefined)
}

/** Opens what `sealBytes` sealed. */
export async function openBytes(sealed: Sealed, opening: Opening): Promise<Uint8Array | undefined> {
  return await open(sealed, opening, async (kek, bytes, parameters) =>
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

function gcm(iv: Uint8Array, context: string): webcrypto.AesGcmParams {
  return { name: 'AES-GCM', iv, additionalData: Buffer.from(context) }
}
