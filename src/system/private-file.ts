import { constants } from 'node:fs'
import { type FileHandle, open, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { systemSays } from '../core/errno.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type FileFault, type FileRules, FORBIDDEN_MODE, type ReadRules } from './file-rules.ts'

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants
const SHARED_FOLDER = 0o022
const MAX_SECRET_BYTES = 4096

/**
 * Opens a file, once its folder, its links, and kind, owner and mode of the open file are as they must be. Every file
 * of a server is opened here; a new one has mode 0600. What is not plainly ours is left to unusual-file.ts.
 */
export async function openPrivate(
  path: string,
  rules: FileRules,
  flags: number = O_RDONLY,
): Promise<Result<FileHandle, FileFault>> {
  try {
    const at = await placeOf(resolve(path), rules.followsLinks)
    const folder = await stat(dirname(at))
    const isPlainWay = at === resolve(path) && (folder.mode & SHARED_FOLDER) === 0
    const danger = isPlainWay ? undefined : await (await import('./unusual-file.ts')).dangerOnTheWay(path, at, rules)
    if (danger !== undefined) return fail({ code: 'unreadable', problem: danger })
    // Without O_NONBLOCK, opening a pipe waits for the other end.
    const file = await open(at, flags | O_NONBLOCK | O_NOFOLLOW, 0o600)
    const status = await file.stat()
    const isOurs = status.uid === process.geteuid?.() && (status.mode & FORBIDDEN_MODE[rules.othersMay]) === 0
    const problem = isOurs && status.isFile() ? undefined
      : await (await import('./unusual-file.ts')).problemOf(status, at, rules)
    if (problem === undefined) return ok(file)
    await file.close()
    return fail({ code: 'unreadable', problem })
  } catch (error) {
    return fail({ code: 'unreadable', problem: systemSays(error), cause: error })
  }
}

/** Where the path leads; what does not exist yet is where the path says. */
async function placeOf(path: string, followsLinks: boolean): Promise<string> {
  const inside = join(await realpath(dirname(path)).catch(() => dirname(path)), basename(path))
  return followsLinks ? await realpath(inside).catch(() => inside) : inside
}

/** Reads a whole file that `openPrivate` opens. */
export async function readPrivate(path: string, rules: ReadRules): Promise<Result<Buffer, FileFault>> {
  const file = await openPrivate(path, rules)
  if (!file.ok) return file
  try {
    const { size } = await file.value.stat()
    if (size <= rules.maxBytes) return ok(await file.value.readFile())
    return fail({ code: 'damaged', problem: `it is larger than ${rules.maxBytes} bytes` })
  } catch (error) {
    return fail({ code: 'unreadable', problem: systemSays(error), cause: error })
  } finally {
    await file.value.close()
  }
}

/** Reads a small file that only its owner may reach, or a link to one; the failure is a sentence for the operator. */
export async function readSecret(path: string, allowShared: boolean): Promise<Result<Buffer, string>> {
  const rules = { othersMay: 'nothing', allowShared, followsLinks: true, maxBytes: MAX_SECRET_BYTES } as const
  const read = await readPrivate(path, rules)
  if (read.ok) return read
  const { problem, cause } = read.error
  return fail(`Cannot ${cause === undefined ? 'trust' : 'read'} ${path}: ${problem}`)
}
