import { planOf } from '../../src/cli/main.ts'
import { faultText } from '../../src/config/refusal.ts'

/** What `node dist/server.js` says to a command line that it refuses unread; undefined if it takes it. */
export function refusalOf(args: readonly string[], env: Readonly<Record<string, string>> = {}): string | undefined {
  const plan = planOf({ args, env, inFile: () => [] })
  return 'faults' in plan ? plan.faults.map((fault) => `jwksd: ${faultText(fault)}\n`).join('') : undefined
}
