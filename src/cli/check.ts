import type { Config } from '../config/config.ts'
import { proofOf, refusalOf } from '../config/promise.ts'
import { refusalLines } from '../config/refusal.ts'
import { proofText } from '../keyring/policy.ts'
import { EXIT, refuse } from '../system/exit.ts'

/** `jwksd check`: prints the inequalities with their numbers, and says whether this configuration may start. */
export async function check(config: Config): Promise<void> {
  for (const line of proofOf(config)) process.stdout.write(`${proofText(line)}\n    ${line.meaning}\n`)
  if (config.store !== 'memory:') process.stdout.write('    what the store remembers of earlier settings binds too; a start holds that against them\n')
  const refusal = await refusalOf(config)
  if (refusal !== undefined) refuse(EXIT.config, ...refusalLines(refusal))
}
