import { chmod, chown, lstat, mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { except } from '../core/errno.ts'
import { fail, ok, type Result } from '../core/result.ts'

const [ROOT, OWNER, OTHERS] = [0, 0o700, 0o007]

/**
 * Makes a folder beside a file that only the owner of the file may enter, unless it exists; answers the user who owns
 * it. The failure is a sentence for the operator.
 */
export async function privateFolder(path: string, file: string): Promise<Result<number, string>> {
  const user = process.geteuid?.() ?? ROOT
  const owner = await stat(file).catch(except('ENOENT')) ?? await stat(dirname(path))
  const isNew = await mkdir(path, { mode: OWNER }).then(() => true, except('EEXIST')) === true
  // Root runs commands on the files of the server's user.
  if (isNew && user === ROOT) await chown(path, owner.uid, owner.gid)
  const status = await lstat(path)
  const isPrivate = status.isDirectory() && [user, owner.uid].includes(status.uid) && (status.mode & OTHERS) === 0
  if (!isPrivate) return fail(`${path} is not a folder that only user ${owner.uid} can enter. Remove it`)
  // Kubernetes' fsGroup opens whatever lies in a volume to a group of the pod.
  await chmod(path, OWNER)
  return ok(status.uid)
}
