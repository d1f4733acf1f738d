import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Makes a key-encryption key in a folder, as `jwksd kek` does; answers its path. */
export function newKek(folder: string, name = 'kek'): string {
  const path = join(folder, name)
  writeFileSync(path, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 })
  return path
}
