import { unsafeText } from '../keyring/proof.ts'
import type { Refusal } from './promise.ts'

/** Why a configuration does not start, each line with what would be right. */
export function refusalLines(refusal: Refusal): readonly string[] {
  switch (refusal.code) {
    case 'promise_broken':
      return refusal.lines.map(unsafeText)
    case 'algorithm_missing':
      return refusal.algs.map((alg) =>
        `alg: this Node.js (${process.version}) has no ${alg}; ML-DSA needs Node.js 24.7 or later with OpenSSL 3.5`)
    default:
      return refusal satisfies never
  }
}
