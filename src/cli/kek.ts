import { writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { encodeBase64url } from '../core/base64url.ts'
import { KEK_BYTES } from '../jose/kek.ts'
import { syncFolder } from '../stores/sync-folder.ts'
import { EXIT, refuse } from '../system/exit.ts'
import { systemRandom } from '../system/random.ts'

/** `jwksd kek [FILE]`: prints a new key-encryption key, or writes it to a new file that its owner alone can read. */
export function kek(path: string | undefined): void {
  const text = `${encodeBase64url(systemRandom(KEK_BYTES))}\n`
  if (path === undefined) return void process.stdout.write(text)
  try {
    writeFileSync(path, text, { mode: 0o600, flag: 'wx', flush: true })
    syncFolder(dirname(path))
  } catch (error) {
    refuse(EXIT.refused, `Cannot make ${path}: the system says ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`)
  }
}
