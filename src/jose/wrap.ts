import { webcrypto } from 'node:crypto'
import { algorithm } from './algorithm.ts'
import type { Kid, PublicJwk } from './jwk.ts'
import { type Keks, openBytes, sealBytes, type Sealed, type Sealing } from './kek.ts'

const { subtle } = webcrypto

/**
 * Seals an extractable private key as a JWK. The text is wiped: `subtle.wrapKey` would do the same work, and leave the
 * private key readable in the memory that it frees.
 */
export async function wrapKey(
  key: webcrypto.CryptoKey,
  kid: Kid,
  sealing: Omit<Sealing, 'context'>,
): Promise<Sealed> {
  const text = Buffer.from(JSON.stringify(await subtle.exportKey('jwk', key)))
  const sealed = await sealBytes(text, { ...sealing, context: keyContext(kid) })
  text.fill(0)
  return sealed
}

/** Unseals the private half of a key as non-extractable; undefined when it was sealed otherwise or altered since. */
export async function unwrapKey(sealed: Sealed, jwk: PublicJwk, keks: Keks): Promise<webcrypto.CryptoKey | undefined> {
  const text = await openBytes(sealed, { keks, context: keyContext(jwk.kid) })
  if (text === undefined) return undefined
  try {
    const privateJwk = JSON.parse(Buffer.from(text.buffer).toString()) as webcrypto.JsonWebKey
    return await subtle.importKey('jwk', privateJwk, algorithm(jwk.alg).key, false, ['sign'])
  } catch {
    return undefined
  } finally {
    text.fill(0)
  }
}

/** Binds a sealed half to its kid and to the version of the format, so that no record can stand for another. */
export function keyContext(kid: Kid): string {
  return `jwksd/key/1/${kid}`
}
