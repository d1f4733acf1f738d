import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, linkSync, lstatSync, type Stats, unlinkSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { errnoOf } from '../core/errno.ts'
import { fail, ok } from '../core/result.ts'
import { bindFault } from '../http/bind-fault.ts'
import type { Address, Listener } from '../http/listener.ts'

/** A path at which a server listens, and the number of the group that may connect besides the owner. */
export type SocketFile = Extract<Address, { readonly path: string }> & { readonly group?: number | undefined }

/** Modes, and the mask under which nobody but the owner may connect. */
const [OWNER, WITH_GROUP, MASK] = [0o600, 0o660, 0o177]

/**
 * A listener on a socket file. A server that closes removes the name that it bound, whoever's socket lies there by
 * then: so a name that nobody else uses is bound in the same folder, and the path is a link to it.
 */
export function onSocketFile(server: Listener, { group, ...file }: SocketFile): Listener {
  const { path } = file
  let own: Stats | undefined
  return {
    listen: async (_address, routerAt) => {
      if (!existsSync(dirname(path))) return fail('its folder does not exist')
      const bound = hiddenName(path)
      await clearAway(bound)
      const mask = process.umask(MASK)
      const binding = server.listen({ ...file, path: bound }, () => routerAt(`unix:${path}`))
      process.umask(mask)
      const url = await binding
      if (!url.ok) return url
      // Another worker has put the socket in its place.
      const problem = existsSync(bound) ? await putInPlace(bound, { path, group }) : undefined
      if (problem !== undefined) return fail(problem)
      own = statusOf(path)
      return ok(`unix:${path}`)
    },
    close: async (grace) => {
      // Other workers may go on with it.
      const isOurs = own !== undefined && isSame(statusOf(path), own)
      if (isOurs && (file.exclusive === true || !isWorker())) unlinkSync(path)
      await server.close(grace)
    },
  }
}

function isWorker(): boolean {
  return process.env['JWKSD_WORKER'] !== undefined
}

/** All workers of a server bind the same name, which is not longer than four bytes: the system bounds its length. */
function hiddenName(path: string): string {
  const number = Buffer.alloc(4)
  number.writeUInt32BE(isWorker() ? process.ppid : process.pid)
  return join(dirname(path), `.${number.subarray(1).toString('base64url')}`)
}

/** Gives the socket its mode and its path, unless something else lies there; why that failed. */
async function putInPlace(bound: string, { path, group }: SocketFile): Promise<string | undefined> {
  try {
    if (group !== undefined) chownSync(bound, -1, group)
    chmodSync(bound, group === undefined ? OWNER : WITH_GROUP)
    const problem = await clearAway(path)
    if (problem === undefined) linkSync(bound, path)
    return problem
  } catch (error) {
    const { code, syscall } = errnoOf(error)
    if (syscall === 'chown') return `this user may not give it to group ${group}. Let the user be a member of it`
    return code === 'EEXIST' ? bindFault({ code: 'EADDRINUSE' }) : bindFault(error)
  } finally {
    unlinkSync(bound)
  }
}

/** Removes a socket that a killed server left behind; why what is there stays. */
async function clearAway(path: string): Promise<string | undefined> {
  const before = statusOf(path)
  if (before === undefined) return undefined
  if (!before.isSocket()) return 'another kind of file is there. Remove it, or name another path'
  try {
    const socket = connect(path)
    await once(socket, 'connect')
    socket.destroy()
    return bindFault({ code: 'EADDRINUSE' })
  } catch (error) {
    if (errnoOf(error).code !== 'ECONNREFUSED') return bindFault(error)
    // Another server may have put its own in place meanwhile.
    if (isSame(statusOf(path), before)) unlinkSync(path)
    return undefined
  }
}

function statusOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

function isSame(one: Stats | undefined, other: Stats): boolean {
  return one?.dev === other.dev && one.ino === other.ino
}
