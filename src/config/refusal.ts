import { nearest } from '../core/nearest.ts'
import { unsafeText } from '../keyring/unusable.ts'
import type { Refusal } from './promise.ts'
import type { ConfigFault } from './setting.ts'

/** Why a process does not start, in lines; a server that starts does not load this file. */

/** One fault as one line: the option as it was typed, what is wrong, and what to do. */
export function faultText({ typed, problem, names }: ConfigFault): string {
  if (names === undefined) return `${typed} ${problem}`
  const [near] = nearest(typed.replace(/^-+/, ''), names)
  const hint = near === undefined ? '' : `Did you mean --${near}? `
  return `${typed} ${problem}. ${hint}\`jwksd --help\` lists all options`
}

/** Why a configuration does not start, each line with what would be right. */
export function refusalLines(refusal: Refusal): readonly string[] {
  switch (refusal.code) {
    case 'runtime_unsafe':
      return refusal.settings.map((setting) =>
        `${setting} lets others read or replace secrets. Remove it, or serve a loopback address and issuer alone`)
    case 'promise_broken':
      return refusal.lines.map(unsafeText)
    case 'options_unsafe':
      return refusal.faults
    case 'algorithm_missing':
      return refusal.algs.map((alg) =>
        `--alg names ${alg}, which this Node.js (${process.version}) lacks. Name another algorithm: ` +
        'ML-DSA needs Node.js 24.7 or later with OpenSSL 3.5')
    case 'ring_too_large':
      return [`${refusal.size.published} published keys need ${refusal.size.bytes} bytes in the store, ` +
        `more than ${refusal.size.most}. Raise --rotation-interval, or lower --retention`]
    default:
      return refusal satisfies never
  }
}
