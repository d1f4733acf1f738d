import { chmod, chown, lstat, mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { except } from '../core/errno.ts'
import { fail, ok, type Result } from '../core/result.ts'

const ROOT = 0
const OTHERS = 0o007
const GROUP_AND_OTHERS = 0o077

/**
 * Makes a folder beside a file that only the owner of the file may enter, unless it exists; answers the user who owns
 * it. The failure says who else could have made it or can enter it, and what to do.
 */
export async function privateFolder(path: string, file: string): Promise<Result<number, string>> {
  const user = process.geteuid?.() ?? ROOT
  const owner = await stat(file).catch(except('ENOENT')) ?? await stat(dirname(path))
  const made = await mkdir(path, { mode: 0o700 }).then(() => true, except('EEXIST'))
  // Root runs commands on the files of the server's user.
  if (made === true && user === ROOT && owner.uid !== ROOT) await chown(path, owner.uid, owner.gid)
  const status = await lstat(path)
  if (!status.isDirectory()) return fail(`${path} is not a folder. Remove it`)
  if (status.uid !== owner.uid && status.uid !== user) return fail(`user ${status.uid} owns ${path}. Remove it`)
  if ((status.mode & OTHERS) !== 0) return fail(`others can enter ${path}. Stop the servers and remove it`)
  // Kubernetes' fsGroup opens whatever lies in a volume to a group of the pod.
  if ((status.mode & GROUP_AND_OTHERS) !== 0) await chmod(path, 0o700)
  return ok(status.uid)
}
