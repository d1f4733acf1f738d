import type { Alg } from '../jose/algorithm.ts'
import type { Signer } from '../jose/signer.ts'
import { unpublishedSigner } from '../jose/unstored.ts'

/**
 * Keys for tokens that every verifier must refuse: never active, never published, one for each line, made when first
 * asked for and kept. Real keys cannot serve: their private halves are destroyed when they retire.
 */
export function expiredSigners(rsaBits: number): (alg: Alg) => Promise<Signer> {
  const made = new Map<Alg, Promise<Signer>>()
  return (alg) => {
    const signer = made.get(alg) ?? unpublishedSigner(alg, rsaBits)
    made.set(alg, signer)
    return signer
  }
}
