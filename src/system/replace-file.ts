import { constants, type Stats } from 'node:fs'
import { open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { except } from '../core/errno.ts'
import type { RandomBytes } from '../core/random.ts'
import { syncFolder } from './sync-folder.ts'

const { O_CREAT, O_EXCL, O_WRONLY } = constants
const TEMPORARY = /^[0-9a-f]{16}\.tmp$/
const PERMISSIONS = 0o777

/** The new content of a file. */
export interface Replacement {
  readonly path: string
  readonly content: string
  /** For the name of the temporary file. */
  readonly randomBytes: RandomBytes
  /** Asked last, when the new content is on the disk. */
  readonly mayReplace?: () => Promise<boolean>
}

/**
 * Replaces a whole file: a reader, or a start after a power cut, finds the old content or the new one. A new file has
 * mode 0600; an old one keeps its owner and mode. Answers whether the file was replaced.
 */
export async function replaceFile({ path, content, randomBytes, mayReplace }: Replacement): Promise<boolean> {
  const temporary = `${path}.${Buffer.from(randomBytes(8)).toString('hex')}.tmp`
  try {
    await writeDurably(temporary, content, await stat(path).catch(except('ENOENT')))
    if (await mayReplace?.() === false) return false
    await rename(temporary, path)
  } finally {
    // After the rename there is none.
    await unlink(temporary).catch(() => {})
  }
  await syncFolder(dirname(path))
  return true
}

/** Removes the temporary files of killed writers; call it only under the lock, since a live writer has one too. */
export async function sweepTemporaries(path: string): Promise<void> {
  const folder = dirname(path)
  const prefix = `${basename(path)}.`
  const isTemporary = (name: string): boolean => name.startsWith(prefix) && TEMPORARY.test(name.slice(prefix.length))
  const left = (await readdir(folder)).filter(isTemporary)
  await Promise.all(left.map((name) => unlink(join(folder, name)).catch(() => {})))
}

/** A command that another user runs, as root does, must not take the file away from the server. */
async function writeDurably(path: string, content: string, old: Stats | undefined): Promise<void> {
  const file = await open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
  try {
    const { uid, gid, mode } = await file.stat()
    if (old !== undefined && (uid !== old.uid || gid !== old.gid)) await file.chown(old.uid, old.gid)
    if (old !== undefined && mode !== old.mode) await file.chmod(old.mode & PERMISSIONS)
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}
