import { webcrypto } from 'node:crypto'
import type { RandomBytes } from '../core/random.ts'
import type { Algorithm } from './algorithm.ts'
import type { Kid } from './jwk.ts'
import { type KeyEncryptionKey, type Keks, open, openBytes, seal, sealBytes, type Sealed } from './kek.ts'

/** A private JWK under AES-256-GCM, as a store holds it. */
export type SealedKey = Sealed

const { subtle } = webcrypto

/** Seals an extractable private key; kid and format version are additional data, so that records cannot be swapped. */
export function wrapKey(
  key: webcrypto.CryptoKey,
  kid: Kid,
  kek: KeyEncryptionKey,
  randomBytes: RandomBytes,
): Promise<SealedKey> {
  return seal(kek, contextOf(kid), randomBytes, (parameters) => subtle.wrapKey('jwk', key, kek.key, parameters))
}

/** Unseals a private key as a non-extractable one; undefined when it was sealed otherwise or altered since. */
export function unwrapKey(
  sealed: SealedKey,
  kid: Kid,
  row: Algorithm,
  keks: Keks,
): Promise<webcrypto.CryptoKey | undefined> {
  return open(sealed, contextOf(kid), keks, (kek, ciphertext, parameters) =>
    subtle.unwrapKey('jwk', ciphertext, kek, parameters, row.key, false, ['sign']))
}

/** Seals a private key anew under the first key-encryption key; undefined when none of them opens it. */
export async function rewrapKey(
  sealed: SealedKey,
  kid: Kid,
  keks: Keks,
  randomBytes: RandomBytes,
): Promise<SealedKey | undefined> {
  const bytes = await openBytes(sealed, contextOf(kid), keks)
  if (bytes === undefined) return undefined
  const resealed = await sealBytes(bytes, contextOf(kid), keks[0], randomBytes)
  bytes.fill(0)
  return resealed
}

function contextOf(kid: Kid): string {
  return `jwksd/key/1/${kid}`
}
