import type { Config } from '../config/config.ts'
import { EXIT, refuse } from '../system/exit.ts'
import { type Answer, askServer } from './admin-client.ts'
import { AS_FLAG, type Command, FORCE_FLAG } from './command.ts'
import { writeKeys } from './key-table.ts'
import { kidFrom } from './kid-prefix.ts'
import { operatorName } from './operator-name.ts'

/** Characters of a thumbprint (RFC 7638 section 3). */
const WHOLE_LENGTH = 43

/** `jwksd revoke KID`: the key leaves the JWK Set at once. */
export const revoke: Command = {
  words: ['KID'],
  flags: [
    { name: 'reason', value: 'TEXT', meaning: 'why; required, written to the audit log and to the public history' },
    FORCE_FLAG,
    AS_FLAG,
  ],
  meaning: 'Take a key out of the JWK Set, and its private half out of the store, at once. The beginning of ' +
    'KID is enough where one key alone has it.',
  example: 'jwksd revoke KID --admin unix:admin --reason "laptop stolen"',
  run: async ({ config, own: { as, force, reason }, words: [typed = ''] }) => {
    if (reason === undefined) return refuse(EXIT.config, '--reason is not set. Its text goes into the public history')
    const kid = await wholeKid(typed, config)
    if (kid === undefined) return
    const body = { kid, force: force !== undefined, reason, by: operatorName(as) }
    const answer = await askServer(config, { path: '/revoke', body })
    if (answer === undefined) return
    const { exposure } = answer
    if (typeof exposure !== 'number' || !isRemoved(kid, answer)) {
      const problem = 'The answer does not list the key as removed, so it may still be in use'
      return refuse(EXIT.unavailable, `${problem}. List the keys with jwksd keys, and look into the log of the server`)
    }
    const still = `A verifier that honours its cache may still accept tokens of the key for ${exposure} s.`
    const missing = answer['recorded'] === false ? ' The audit log cannot record it yet.' : ''
    writeKeys(answer, `Revoked. ${still}${missing}\n`)
  },
}

/** What was typed if it is a whole kid, else the one key that begins with it; undefined after it has said why not. */
async function wholeKid(typed: string, config: Config): Promise<string | undefined> {
  if (typed.length >= WHOLE_LENGTH) return typed
  const answer = await askServer(config, { path: '/keys' })
  const kid = answer === undefined ? undefined : kidFrom(typed, answer.keys.map((key) => String(key['kid'])))
  return kid?.ok === false ? void refuse(EXIT.refused, kid.error) : kid?.value
}

function isRemoved(kid: string, { keys, removed }: Answer): boolean {
  return Array.isArray(removed) && removed.includes(kid) && !keys.some((key) => key['kid'] === kid)
}
