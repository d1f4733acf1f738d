import { lstatSync, type Stats } from 'node:fs'
import { basename, dirname } from 'node:path'
import { fail, ok, type Result } from '../core/result.ts'

const ROOT = 0
const OTHERS_MAY_ANYTHING = 0o077
const OTHERS_MAY_WRITE = 0o022
/** In such a folder everyone may make what does not exist, and only its owner may replace what does. */
const STICKY = 0o1000

/**
 * Enters the folder of a socket, and returns the name of the socket there, if nobody can have made it but root, this
 * user, or the user of the server, whose alone the folder is. Throws when something does not exist.
 */
export function trustedSocket(path: string): Result<string, string> {
  // From here on nobody can put another folder in its place.
  process.chdir(dirname(path))
  const [name, folder] = [basename(path), lstatSync('.')]
  const isTrusted = (uid: number): boolean => isOurs(uid) || (uid === folder.uid && isPrivate(folder))
  const problem = problemOf(lstatSync(name), isTrusted) ?? problemOnTheWay(lstatSync(name), isTrusted)
  return problem === undefined ? ok(name) : fail(`Cannot trust ${path}: ${problem}`)
}

function isOurs(uid: number): boolean {
  return uid === ROOT || uid === process.geteuid?.()
}

function isPrivate({ mode }: Stats): boolean {
  return (mode & OTHERS_MAY_ANYTHING) === 0
}

function problemOf(socket: Stats, isTrusted: (uid: number) => boolean): string | undefined {
  if (!socket.isSocket()) return 'it is not a socket. Name the socket that the server made'
  if (!isPrivate(socket)) return 'group or others can use it. Run chmod 600 on it'
  if (isTrusted(socket.uid)) return undefined
  return `user ${socket.uid} made it. If the server runs as that user, give it the folder, and run chmod 700 on it`
}

/** Whether others can replace the socket or, where trust rests on the owner of its folder, a folder on the way. */
function problemOnTheWay(socket: Stats, isTrusted: (uid: number) => boolean): string | undefined {
  let below = socket
  for (let path = process.cwd(); ; path = dirname(path)) {
    const folder = lstatSync(path)
    if (!isTrusted(folder.uid)) return `user ${folder.uid} owns the folder ${path}`
    const isShared = (folder.mode & OTHERS_MAY_WRITE) !== 0
    const keepsOwners = (folder.mode & STICKY) !== 0 && isOurs(below.uid)
    if (isShared && !keepsOwners) return `others can write the folder ${path}. Run chmod go-w on it`
    if (path === dirname(path) || (below === socket && isOurs(folder.uid))) return undefined
    below = folder
  }
}
