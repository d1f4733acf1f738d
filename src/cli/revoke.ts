import { EXIT, refuse } from '../system/exit.ts'
import { askServer } from './admin-client.ts'
import { type Command, FORCE_FLAG } from './command.ts'
import { keyTable } from './key-table.ts'

/** `jwksd revoke KID`: the key leaves the JWK Set at once. */
export const revoke: Command = {
  words: ['KID'],
  flags: [
    { name: 'reason', value: 'TEXT', meaning: 'why; required, written to the audit log and to the public history' },
    FORCE_FLAG,
  ],
  meaning: 'Take a key out of the JWK Set at once, and destroy its private half.',
  example: 'jwksd revoke KID --admin unix:admin --reason "laptop stolen"',
  run: async ({ config, own: { force, reason }, words: [kid] }) => {
    if (reason === undefined) return refuse(EXIT.config, '--reason is not set. Its text goes into the public history')
    const body = { kid, force: force !== undefined, reason }
    const answer = await askServer(config, { path: '/revoke', body })
    if (answer === undefined) return
    const seconds = String(answer['exposure'])
    const exposure = `A verifier that honours its cache may still accept tokens of the key for ${seconds} s.`
    process.stdout.write(`Revoked. ${exposure}\n${keyTable(answer)}`)
  },
}
