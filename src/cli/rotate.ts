import { EXIT, refuse } from '../system/exit.ts'
import { askServer } from './admin-client.ts'
import { AS_FLAG, type Command, FORCE_FLAG } from './command.ts'
import { writeKeys } from './key-table.ts'
import { operatorName } from './operator-name.ts'

/** `jwksd rotate`: the standbys sign from now on. */
export const rotate: Command = {
  words: [],
  flags: [
    { name: 'alg', value: 'ALG,...', meaning: 'only the keys of these algorithms' },
    FORCE_FLAG,
    { name: 'reason', value: 'TEXT', meaning: 'why; written to the audit log' },
    AS_FLAG,
  ],
  meaning: 'Let the standby keys sign now, if every cache has them.',
  example: 'jwksd rotate --admin unix:admin',
  run: async ({ config, own: { alg, as, force, reason } }) => {
    if (force !== undefined && reason === undefined) return refuse(EXIT.config, '--force needs --reason TEXT')
    const algs = alg?.split(',').map((name) => name.trim())
    const body = { alg: algs, force: force !== undefined, reason, by: operatorName(as) }
    const answer = await askServer(config, { path: '/rotate', body })
    if (answer !== undefined) writeKeys(answer)
  },
}
