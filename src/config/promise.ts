import { isAvailable } from '../jose/signer.ts'
import { NO_MARKS } from '../keyring/policy.ts'
import { proof, type ProofLine } from '../keyring/proof.ts'
import type { Config } from './config.ts'

/** Why a configuration is refused: lines of the proof that fail, or algorithms that this runtime lacks. */
export type Refusal =
  | { readonly code: 'promise_broken'; readonly lines: readonly ProofLine[] }
  | { readonly code: 'algorithm_missing'; readonly algs: readonly string[] }

/** The proof for a store that holds no marks yet. */
export function proofOf(config: Config): readonly ProofLine[] {
  return proof(config.policy(NO_MARKS).timing, NO_MARKS)
}

/** What stands against this configuration on this runtime; undefined when nothing does. */
export async function refusalOf(config: Config): Promise<Refusal | undefined> {
  const lines = proofOf(config).filter(({ holds }) => !holds)
  if (lines.length > 0) return { code: 'promise_broken', lines }
  const { algs } = config.policy(NO_MARKS)
  const available = await Promise.all(algs.map(isAvailable))
  const missing = algs.filter((_alg, at) => available[at] === false)
  return missing.length > 0 ? { code: 'algorithm_missing', algs: missing } : undefined
}
