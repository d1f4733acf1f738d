import type { CommandLine } from '../config/config.ts'

/** Runs a command; what the others need is not loaded. */
export async function runCommand({ name, config, said, own, words }: CommandLine): Promise<void> {
  const [first = '', second = ''] = words
  switch (name) {
    case 'serve':
      return (await import('../serve/serve.ts')).serve(config, said)
    case 'check':
      return (await import('./check.ts')).check(config)
    case 'keys':
      return (await import('./operate.ts')).keys(config, own)
    case 'rotate':
      return (await import('./operate.ts')).rotate(config, own)
    case 'revoke':
      return (await import('./operate.ts')).revoke(config, first, own)
    case 'kek':
      return (await import('./kek.ts')).kek(words[0])
    case 'rekey':
      return (await import('./rekey.ts')).rekeyStore(config)
    case 'audit':
      return (await import('./audit.ts')).auditVerify(second, own)
    case 'client':
      return (await import('./client.ts')).addClient(config, second, own)
    case 'probe':
      return (await import('./probe.ts')).probe(config, first, own)
    case 'simulate':
      return (await import('./simulate.ts')).simulateVerifiers(config, own)
    default:
      name satisfies never
  }
}
