import { constants, type Stats } from 'node:fs'
import { type FileHandle, open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { except } from '../core/errno.ts'
import type { RandomBytes } from '../core/random.ts'

const { O_CREAT, O_EXCL, O_SYNC, O_WRONLY } = constants
/**
 * A new file. Each write is on the disk when it ends, and so is the name that the file has then (ext4, xfs and btrfs):
 * Node's permission model allows this, and no fsync.
 */
export const NEW_FILE: number = O_WRONLY | O_CREAT | O_EXCL | O_SYNC
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
  const bytes = Buffer.from(content)
  const old = await stat(path).catch(except('ENOENT'))
  const file = await open(temporary, NEW_FILE, 0o600)
  try {
    if (old !== undefined) await keepOwner(file, old)
    await file.writeFile(bytes)
    if (await mayReplace?.() === false) return false
    await rename(temporary, path)
    // The last byte once more, which changes nothing, so that the name is on the disk too.
    await file.write(bytes, bytes.length - 1, 1, bytes.length - 1)
    return true
  } finally {
    // After the rename there is none.
    await unlink(temporary).catch(() => {})
    await file.close()
  }
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
async function keepOwner(file: FileHandle, old: Stats): Promise<void> {
  const { uid, gid, mode } = await file.stat()
  if (uid !== old.uid || gid !== old.gid) await file.chown(old.uid, old.gid)
  // Node's permission model forbids it: there the new file is closed to others.
  if (mode !== old.mode) await file.chmod(old.mode & PERMISSIONS).catch(except('ERR_ACCESS_DENIED'))
}
