import { constants, type Stats } from 'node:fs'
import { access, chmod, lstat, readlink, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { errnoOf } from '../core/errno.ts'
import { type FileRules, FORBIDDEN_MODE } from './file-rules.ts'

/** Judges files that are not plainly ours: reached by links, shared with a group, of other users; and says why not. */

const ROOT = 0
const [OTHERS, GROUP_READ, GROUP_WRITE, OTHERS_WRITE, STICKY] = [0o007, 0o040, 0o020, 0o002, 0o1000]
const PERMISSIONS = 0o777
const MAX_STEPS = 100
const REMEDY = 'or set --allow-shared-files'

/** A folder or a link on the way to a file. */
interface Step {
  readonly path: string
  readonly status: Stats
}

/** Why another user could exchange what lies at the end of a path, or have made it, if one could. */
export async function dangerOnTheWay(path: string, at: string, rules: FileRules): Promise<string | undefined> {
  if (rules.allowShared) return undefined
  const folder = dirname(at)
  const status = await stat(folder)
  // In a sticky folder, such as /tmp, a file is safe once it exists, but others could make it first.
  const isSafe = !isShared(status) || ((status.mode & STICKY) !== 0 && rules.makes !== true)
  const danger = !isSafe ? `others can write the folder ${folder}`
    : at === resolve(path) ? undefined : await dangerOfLinks(path, trustedUsers(status))
  return danger === undefined ? undefined : `${danger}. Use another folder, ${REMEDY}`
}

/** The user who must own a file beside root: this one or, for root, the one who has the folder of the file. */
function trustedUsers(folder: Stats): readonly number[] {
  const user = process.geteuid?.() ?? ROOT
  return [ROOT, user === ROOT ? folder.uid : user]
}

function isShared({ mode, gid }: Stats): boolean {
  return (mode & OTHERS_WRITE) !== 0 || ((mode & GROUP_WRITE) !== 0 && !isOwnGroup(gid))
}

function isOwnGroup(gid: number): boolean {
  return gid === ROOT || gid === process.getegid?.() || process.getgroups?.().includes(gid) === true
}

/** Every link and folder on the way must be of these users, and others may not exchange what lies in the folders. */
async function dangerOfLinks(path: string, users: readonly number[]): Promise<string | undefined> {
  const steps: Step[] = []
  await follow(resolve(path), steps)
  for (const { path: at, status } of steps) {
    if (!users.includes(status.uid)) return `user ${status.uid} owns ${at}, which a link on the way passes`
    const isSafe = !status.isDirectory() || (status.mode & STICKY) !== 0 || !isShared(status) || await isReadOnly(at)
    if (!isSafe) return `others can write the folder ${at}, which a link on the way passes`
  }
  return undefined
}

async function follow(path: string, steps: Step[]): Promise<string> {
  if (path === dirname(path)) return path
  const here = join(await follow(dirname(path), steps), basename(path))
  const status = await lstat(here).catch(unlessHidden)
  if (status === undefined || steps.length > MAX_STEPS) return here
  if (!status.isFile()) steps.push({ path: here, status })
  return status.isSymbolicLink() ? await follow(resolve(dirname(here), await readlink(here)), steps) : here
}

/** What does not exist, or lies outside of what Node's permission model shows, is left to the call that opens it. */
function unlessHidden(error: unknown): undefined {
  const { code = '' } = errnoOf(error)
  if (!['ENOENT', 'ENOTDIR', 'ERR_ACCESS_DENIED'].includes(code)) throw error
}

/** Whether nobody can write here, whatever the mode says, as where Kubernetes mounts a ConfigMap. */
async function isReadOnly(path: string): Promise<boolean> {
  return await access(path, constants.W_OK).then(() => false, (error: unknown) => errnoOf(error).code === 'EROFS')
}

/** What is wrong with an open file, then what to do. */
export async function problemOf(status: Stats, path: string, rules: FileRules): Promise<string | undefined> {
  if (rules.mayBeDevice === true && status.isCharacterDevice()) return undefined
  if (!status.isFile()) return 'it is not a regular file'
  if (rules.allowShared) return undefined
  const users = trustedUsers(await stat(dirname(path)))
  const isOurs = users.includes(status.uid) || (rules.isManaged === true && process.geteuid?.() === ROOT)
  if (!isOurs) return `user ${status.uid} owns it. Give it to user ${users[1]}, ${REMEDY}`
  const excess = status.mode & FORBIDDEN_MODE[rules.othersMay]
  // Kubernetes gives secrets and volumes to a group of the pod (fsGroup), systemd a credential to one user by its ACL.
  const isOwn = isOwnGroup(status.gid) || dirname(path) === process.env['CREDENTIALS_DIRECTORY']
  if (excess === 0 || (excess === GROUP_READ && isOwn)) return undefined
  if (rules.restores === undefined || (excess & OTHERS) !== 0 || !isOwn) {
    return `group or others can ${rules.othersMay === 'read' ? 'write' : 'reach'} it. Run chmod 600 on it, ${REMEDY}`
  }
  await chmod(path, 0o600)
  return void rules.restores({ name: 'store.mode_restored', path, mode: `0${(status.mode & PERMISSIONS).toString(8)}` })
}
