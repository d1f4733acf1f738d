import { constants, type Stats } from 'node:fs'
import { access, lstat, readlink } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { errnoOf } from '../core/errno.ts'

/** A folder or a link on the way to a file. */
interface Step {
  readonly path: string
  readonly status: Stats
}

const MAX_STEPS = 100
const STICKY = 0o1000

/** What a link must belong to, and whether others could exchange what lies in a folder. */
interface LinkRules {
  readonly users: readonly number[]
  readonly isShared: (folder: Stats) => boolean
}

/**
 * Why another user could lead a path with links elsewhere, if one could: every link and every folder on the way must
 * belong to one of these users, and others must not write the folders, or not exchange what lies in them (sticky).
 */
export async function linkProblem(path: string, { users, isShared }: LinkRules): Promise<string | undefined> {
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
