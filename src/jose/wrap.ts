import { webcrypto } from 'node:crypto'
import { algorithm } from './algorithm.ts'
import type { Kid, PublicJwk } from './jwk.ts'
import { type Keks, open, seal, type Sealed, type Sealing } from './kek.ts'

const { subtle } = webcrypto

/** Seals an extractable private key as a JWK; it never leaves WebCrypto unencrypted. */
export function wrapKey(key: webcrypto.CryptoKey, kid: Kid, sealing: Omit<Sealing, 'context'>): Promise<Sealed> {
  return seal({ ...sealing, context: keyContext(kid) }, (parameters) =>
    subtle.wrapKey('jwk', key, sealing.kek.key, parameters))
}

/** Unseals the private half of a key as non-extractable; undefined when it was sealed otherwise or altered since. */
export function unwrapKey(sealed: Sealed, jwk: PublicJwk, keks: Keks): Promise<webcrypto.CryptoKey | undefined> {
  const { key } = algorithm(jwk.alg)
  return open(sealed, { keks, context: keyContext(jwk.kid) }, (kek, ciphertext, parameters) =>
    subtle.unwrapKey('jwk', ciphertext, kek, parameters, key, false, ['sign']))
}

/** Binds a sealed half to its kid and to the version of the format, so that no record can stand for another. */
export function keyContext(kid: Kid): string {
  return `jwksd/key/1/${kid}`
}
