import { encodeBase64url } from '../core/encoding.ts'
import { systemSays } from '../core/errno.ts'
import { KEK_BYTES } from '../jose/kek.ts'
import { EXIT, refuse } from '../system/exit.ts'
import { makeFile } from '../system/make-file.ts'
import { systemRandom } from '../system/random.ts'
import type { Command } from './command.ts'

/** `jwksd kek [FILE]`: a new key-encryption key, in a file that only its owner can read, or printed. */
export const kek: Command = {
  words: ['[FILE]'],
  flags: [],
  meaning: 'Make a key-encryption key: print it, or write it to a new file with mode 0600.',
  example: 'jwksd kek ring.kek',
  run: async ({ words: [path] }) => {
    if (path === undefined) return void process.stdout.write(newKek())
    try {
      await makeKek(path)
    } catch (error) {
      refuse(EXIT.refused, `Cannot make ${path}: ${systemSays(error)}`)
    }
  },
}

/** Writes a new key-encryption key to a new file with mode 0600; rejects with the error of the system. */
export async function makeKek(path: string): Promise<void> {
  await makeFile(path, newKek())
}

function newKek(): string {
  return `${encodeBase64url(systemRandom(KEK_BYTES))}\n`
}
