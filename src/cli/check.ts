import { proofOf, refusalOf } from '../config/promise.ts'
import { refusalLines } from '../config/refusal.ts'
import { proofText } from '../keyring/proof.ts'
import { EXIT, refuse } from '../system/exit.ts'
import type { Command } from './command.ts'

/** `jwksd check`: prints the inequalities with their numbers; exit 78 when the configuration may not start. */
export const check: Command = {
  words: [],
  flags: [],
  meaning: 'Print the proof that rotation cannot break a verifier; exit 78 if it does not hold.',
  example: 'jwksd check --rotation-interval 1d --max-ttl 8h',
  run: async ({ config }) => {
    for (const line of proofOf(config)) process.stdout.write(`${proofText(line)}\n    ${line.meaning}\n`)
    if (config.store !== 'memory:') {
      process.stdout.write('    a start also compares the longest lifetimes that the store remembers\n')
    }
    const refusal = await refusalOf(config, process)
    if (refusal !== undefined) refuse(EXIT.config, ...refusalLines(refusal))
  },
}
