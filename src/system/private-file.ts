import { constants, type Stats } from 'node:fs'
import { chmod, type FileHandle, open, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { systemSays } from '../core/errno.ts'
import { fail, ok, type Result } from '../core/result.ts'

/** Who may reach a file, and what it may be. */
export interface FileRules {
  /** What users other than the owner may do with the file. */
  readonly othersMay: 'nothing' | 'read'
  /** Whether `--allow-shared-files` lifts the rules about owner, mode and folders. */
  readonly allowShared: boolean
  /** Whether the path may be a symbolic link, as in a mounted Kubernetes secret. */
  readonly followsLinks: boolean
  /** Whether we make or replace the file: then nobody else may make files in its folder. */
  readonly makes?: boolean
  /** Whether root may use the file of any user, as a command on the files of a server does. */
  readonly isManaged?: boolean
  /** Called when a group of ours could write our file, with its mode, after we have set it to 0600. */
  readonly onClosed?: (mode: number) => void
  readonly mayBeDevice?: boolean
}

/** What a file that is read whole must be. */
export interface ReadRules extends FileRules {
  readonly maxBytes: number
}

/** Why a file was not opened. */
export interface FileFault {
  readonly code: 'unreadable' | 'damaged'
  /** What is wrong with the file, then what to do. */
  readonly problem: string
  /** The error of the system, if it reported one. */
  readonly cause?: unknown
}

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants
const [GROUP, OTHERS] = [0o070, 0o007]
const FORBIDDEN_MODE = { nothing: GROUP | OTHERS, read: 0o022 }
const [GROUP_READ, GROUP_WRITE, OTHERS_WRITE, STICKY] = [0o040, 0o020, 0o002, 0o1000]
const ROOT = 0
const MAX_SECRET_BYTES = 4096
const REMEDY = 'or set --allow-shared-files'

/**
 * Opens a file, once its folder, its links, and kind, owner and mode of the open file are as they must be. Every file
 * of a server is opened here; a new one has mode 0600.
 */
export async function openPrivate(
  path: string,
  rules: FileRules,
  flags: number = O_RDONLY,
): Promise<Result<FileHandle, FileFault>> {
  try {
    const at = await placeOf(resolve(path), rules.followsLinks)
    const folder = await stat(dirname(at))
    const user = process.geteuid?.() ?? ROOT
    // Root runs commands on the files of a server, in the folder of that server.
    const users = [ROOT, user === ROOT ? folder.uid : user]
    const unsafe = rules.allowShared ? undefined : folderProblem(at, folder, rules)
      ?? (at === resolve(path) ? undefined : await (await import('./links.ts')).linkProblem(path, { users, isShared }))
    if (unsafe !== undefined) return fail({ code: 'unreadable', problem: `${unsafe}. Use another folder, ${REMEDY}` })
    // Without O_NONBLOCK, opening a pipe waits for the other end.
    const file = await open(at, flags | O_NONBLOCK | O_NOFOLLOW, 0o600)
    const problem = await problemOf(await file.stat(), at, { ...rules, users })
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

/** In a sticky folder, such as /tmp, a file is safe once it exists, but others could make it first. */
function folderProblem(path: string, folder: Stats, { makes }: FileRules): string | undefined {
  const isSafe = !isShared(folder) || ((folder.mode & STICKY) !== 0 && makes !== true)
  return isSafe ? undefined : `others can write the folder ${dirname(path)}`
}

function isShared({ mode, gid }: Stats): boolean {
  return (mode & OTHERS_WRITE) !== 0 || ((mode & GROUP_WRITE) !== 0 && !isOwnGroup(gid))
}

function isOwnGroup(gid: number): boolean {
  return gid === ROOT || gid === process.getegid?.() || process.getgroups?.().includes(gid) === true
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

async function problemOf(
  status: Stats,
  path: string,
  rules: FileRules & { readonly users: readonly number[] },
): Promise<string | undefined> {
  const { users, othersMay, onClosed } = rules
  if (rules.mayBeDevice === true && status.isCharacterDevice()) return undefined
  if (!status.isFile()) return 'it is not a regular file'
  if (rules.allowShared) return undefined
  const isOurs = users.includes(status.uid) || (rules.isManaged === true && process.geteuid?.() === ROOT)
  if (!isOurs) return `user ${status.uid} owns it. Give it to user ${users[1]}, ${REMEDY}`
  const excess = status.mode & FORBIDDEN_MODE[othersMay]
  // Kubernetes gives secrets and volumes to a group of the pod (fsGroup), systemd a credential to one user by its ACL.
  const isOwn = isOwnGroup(status.gid) || dirname(path) === process.env['CREDENTIALS_DIRECTORY']
  if (excess === 0 || (excess === GROUP_READ && isOwn)) return undefined
  if (onClosed === undefined || (excess & OTHERS) !== 0 || !isOwn) {
    return `group or others can ${othersMay === 'read' ? 'write' : 'reach'} it. Run chmod 600 on it, ${REMEDY}`
  }
  await chmod(path, 0o600)
  return void onClosed(status.mode)
}
