import { open, unlink } from 'node:fs/promises'
import { NEW_FILE } from './replace-file.ts'

/** Makes a file with mode 0600, on the disk when this resolves; rejects with `EEXIST` if there is one. */
export async function makeFile(path: string, content: string): Promise<void> {
  const file = await open(path, NEW_FILE, 0o600)
  try {
    await file.writeFile(content)
  } catch (error) {
    await unlink(path).catch(() => {})
    throw error
  } finally {
    await file.close()
  }
}
