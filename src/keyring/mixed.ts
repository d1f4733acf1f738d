import { type Alg, algorithm } from '../jose/algorithm.ts'
import type { Policy } from './policy.ts'

/** The algorithms for whose keys some verifiers refuse the common set whole, keys of other algorithms included. */
export function mixedIn({ algs, separate = [] }: Policy): readonly Alg[] {
  const common = algs.filter((alg) => !separate.includes(alg))
  const odd = common.filter((alg) => algorithm(alg).kty === 'AKP')
  return odd.length < common.length ? odd : []
}
