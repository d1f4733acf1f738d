import { webcrypto } from 'node:crypto'
import { type Alg, algorithm, type Algorithm } from './algorithm.ts'
import type { PublicJwk } from './jwk.ts'

/** Checks signatures with one public key, under the one algorithm that the key is bound to (RFC 8725 section 3.1). */
export interface Verifier {
  readonly alg: Alg
  /** The name that the owner of the key gave it. */
  readonly kid: string | undefined
  readonly verify: (data: Uint8Array, signature: Uint8Array) => Promise<boolean>
}

const { subtle } = webcrypto

/** Opens a public key; rejects when the runtime does not take it, as one that is not on its curve. */
export async function openVerifier(jwk: PublicJwk, kid: string | undefined = jwk.kid): Promise<Verifier> {
  const row = algorithm(jwk.alg)
  const key = await subtle.importKey('jwk', importable(row, jwk), row.key, false, ['verify'])
  return { alg: row.alg, kid, verify: (data, signature) => subtle.verify(row.signature, key, signature, data) }
}

/** The members WebCrypto needs; ML-DSA keys cannot be read without `alg`, others must not be read by it. */
function importable(row: Algorithm, jwk: PublicJwk): webcrypto.JsonWebKey {
  const { kid: _kid, use: _use, alg, ...members } = jwk
  return row.kty === 'AKP' ? { ...members, alg } : members
}
