import type { Config } from '../config/config.ts'
import { proofOf, refusalOf } from '../config/promise.ts'
import { refusalLines } from '../config/refusal.ts'
import { printable } from '../core/printable.ts'
import { mixedIn } from '../keyring/mixed.ts'
import { NO_MARKS } from '../keyring/policy.ts'
import { proofText } from '../keyring/proof.ts'
import { ringSize } from '../keyring/size.ts'
import { EXIT, refuse } from '../system/exit.ts'
import type { Command, CommandLine } from './command.ts'

/** `jwksd check`: prints the inequalities with their numbers; exit 78 when the configuration may not start. */
export const check: Command = {
  words: [],
  flags: [
    { name: 'permissions', value: '', meaning: 'print the flags of Node.js that confine a server to its files' },
    { name: 'unit', value: '', meaning: 'with --permissions: as a unit file of systemd needs them' },
  ],
  meaning: 'Print the proof that rotation cannot break a verifier; exit 78 if it does not hold.',
  example: 'jwksd check --rotation-interval 1d --max-ttl 8h',
  run: async (line) => {
    const { config, own } = line
    if (own['permissions'] !== undefined) return await printPermissions(line)
    if (own['unit'] !== undefined) return refuse(EXIT.config, '--unit is set without --permissions. Set both')
    for (const line of proofOf(config)) process.stdout.write(`${proofText(line)}\n    ${line.meaning}\n`)
    if (config.store !== 'memory:') {
      process.stdout.write('    a start also compares the longest lifetimes that the store remembers\n')
    }
    process.stdout.write(`${sizeText(config)}\n${setsText(config)}`)
    if (config.store.startsWith('kubernetes')) {
      const { marksText } = await import('../stores/kubernetes/bounds.ts')
      process.stdout.write(marksText(config.policy(NO_MARKS).timing))
    }
    const refusal = await refusalOf(config, process)
    if (refusal !== undefined) refuse(EXIT.config, ...refusalLines(refusal))
  },
}

/** Prints the flags alone, so that a script can use them; what else there is to say goes to standard error. */
async function printPermissions({ config, own, typed }: CommandLine): Promise<void> {
  const refusal = await refusalOf(config, process)
  if (refusal !== undefined) return refuse(EXIT.config, ...refusalLines(refusal))
  const asked = { file: typed['config'], isUnit: own['unit'] !== undefined, known: process.allowedNodeEnvironmentFlags }
  const permissions = (await import('./permissions.ts')).permissionsFor(config, asked)
  if (!permissions.ok) return refuse(EXIT.config, ...permissions.error)
  process.stdout.write(`${permissions.value.flags}\n`)
  for (const warning of permissions.value.warnings) process.stderr.write(`jwksd: warning: ${printable(warning)}\n`)
}

/** How large the ring becomes, and where the keys go that it does not carry. */
function sizeText({ store, policy }: Config): string {
  const { published, past, carried, bytes } = ringSize(policy(NO_MARKS))
  const place = store.startsWith('file:') ? `${store.slice('file:'.length)}.past` : `${store}/past`
  const kept = /^(?:memory|kubernetes):/.test(store) ? 'dropped' : `in ${place}`
  const rest = past > carried ? ` of ${past}; the older ones are ${kept}` : ''
  const size = `${Math.ceil(bytes / 1024)} KiB at the end of --history`
  return `ring <= ${size}: ${published} published keys, ${carried} past ones${rest}`
}

/** The key sets besides the common one, and what harms that. */
function setsText({ separate = [], policy }: Config): string {
  const mixed = mixedIn(policy(NO_MARKS))
  const sets = separate.map((alg) => `set of ${alg} in /.well-known/jwks-${alg}.json: (1) to (4) hold for it too\n`)
  const warning = `warning: some verifiers refuse the whole key set for ${mixed.join(', ')}; set --separate-set\n`
  return `${sets.join('')}${mixed.length > 0 ? warning : ''}`
}
