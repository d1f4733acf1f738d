import type { Alg } from './algorithm.ts'
import { generatePair, type Signer, signerOf } from './signer.ts'

/** Makes a signer whose key is stored and published nowhere. */
export async function unpublishedSigner(alg: Alg, rsaBits: number): Promise<Signer> {
  const { jwk, privateKey } = await generatePair(alg, rsaBits, false)
  return signerOf(jwk, privateKey)
}
