import { askServer } from './admin-client.ts'
import { type Command, JSON_FLAG } from './command.ts'
import { writeKeys } from './key-table.ts'

/** `jwksd keys`: the keys that the running server publishes, and what happens to each next. */
export const keys: Command = {
  words: [],
  flags: [JSON_FLAG],
  meaning: 'List the keys of the running server that --admin names.',
  example: 'jwksd keys --admin unix:admin',
  run: async ({ config, own }) => {
    const answer = await askServer(config, { path: '/keys' })
    if (answer === undefined) return
    if (own['json'] === undefined) writeKeys(answer)
    else process.stdout.write(`${JSON.stringify(answer, undefined, 2)}\n`)
  },
}
