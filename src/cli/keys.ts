import { EXIT, refuse } from '../system/exit.ts'
import { askServer } from './admin-client.ts'
import { type Command, type CommandLine, JSON_FLAG } from './command.ts'
import { IMPORT_FLAGS } from './import-flags.ts'
import { writeKeys } from './key-table.ts'

/** `jwksd keys`: the keys that the running server publishes, and what happens to each next; or takes one in. */
export const keys: Command = {
  words: ['[import]', '[FILE]'],
  flags: [JSON_FLAG, ...IMPORT_FLAGS],
  meaning: 'List the keys of the running server that --admin names. Or import a key of another issuer from FILE, a ' +
    'JWK or PEM, into --store: it keeps the kid that verifiers know, and is active in an empty store, else the ' +
    'standby of its line. Needs --kid, --published-since, --old-max-age, --old-max-ttl, and one --alg.',
  example: 'jwksd keys --admin unix:admin\n' +
    'jwksd keys import old.pem --kid 2024-key --alg RS256 --store file:ring.json \\\n' +
    '  --kek-file kek --published-since 2026-01-31T12:00:00Z --old-max-age 1h \\\n  --old-max-ttl 1h',
  run: async (line) => {
    const [word, file] = line.words
    if (word === undefined) return await list(line)
    const isImport = word === 'import' && file !== undefined
    if (!isImport) return refuse(EXIT.config, 'Write: jwksd keys, or jwksd keys import FILE')
    await (await import('./import-key.ts')).importFile(line.config, file, line.own)
  },
}

async function list({ config, own }: CommandLine): Promise<void> {
  const answer = await askServer(config, { path: '/keys' })
  if (answer === undefined) return
  if (own['json'] === undefined) writeKeys(answer)
  else process.stdout.write(`${JSON.stringify(answer, undefined, 2)}\n`)
}
