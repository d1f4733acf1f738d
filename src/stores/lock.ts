import { once } from 'node:events'
import { link, open, readdir, unlink } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { errnoOf, except, systemSays } from '../core/errno.ts'
import { KeyringFault } from '../keyring/fault.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import { privateFolder } from '../system/private-folder.ts'
import { systemRandom } from '../system/random.ts'
import { takeOldLock } from './old-lock.ts'

/** Releases a lock. */
export type Release = () => Promise<void>

/** A lock that is wanted. */
export interface LockOrder {
  /** The file that its holder writes; the lock is the folder beside it, PATH.lock. */
  readonly path: string
  /** The name of the lock that older versions take for the file. */
  readonly oldName: string
  readonly attempts?: number
}

const LOCK_RETRY_MS = 2
const LOCK_ATTEMPTS = 2500
/** The longest address of a socket, without the zero byte at its end. */
const MAX_ADDRESS_BYTES = 107
const NAME_BYTES = 8

/** The holder has removed a socket that had no name yet, and its owner tries again. */
const unlessSwept = except('ENOENT')

/**
 * Takes the lock of a file; answers the function that releases it, or undefined when another process holds the lock
 * through all attempts. Every holder listens on a socket `lock.N` in the folder, which no other user can enter. If
 * `lock.N` refuses connections, its holder is gone and `lock.N+1` comes next; the newest is never removed.
 */
export async function takeLock({ path, oldName, attempts = LOCK_ATTEMPTS }: LockOrder): Promise<Release | undefined> {
  const folder = `${path}.lock`
  const owner = await privateFolder(folder, path)
  if (!owner.ok) throw new KeyringFault('unreadable', `Cannot take the lock: ${owner.error}`)
  const handle = await open(folder)
  const isShort = Buffer.byteLength(folder) + 1 + 2 * NAME_BYTES <= MAX_ADDRESS_BYTES
  const place = { folder, address: isShort ? folder : `/proc/self/fd/${handle.fd}` }
  try {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const server = await succeed(place).catch(unlessSwept)
      if (server !== undefined) return await withOldLock(server, () => takeOldLock(oldName, owner.value, attempts))
      if (attempt < attempts - 1) await setTimeout(LOCK_RETRY_MS)
    }
    return undefined
  } catch (error) {
    throw new StoreUnavailable(`Cannot take the lock ${folder}: ${systemSays(error)}`, { cause: error })
  } finally {
    await handle.close()
  }
}

async function withOldLock(server: Server, take: () => Promise<Release | undefined>): Promise<Release | undefined> {
  const close = async (): Promise<void> => void await once(server.close(), 'close')
  const releaseOld = await take().catch((error: unknown) => close().then(() => Promise.reject(error)))
  if (releaseOld === undefined) return void await close()
  return () => releaseOld().then(close)
}

/** The folder of a lock, and how the address of a socket in it begins. */
interface Place {
  readonly folder: string
  readonly address: string
}

/** The socket of the next holder, once it is ours. */
async function succeed({ folder, address }: Place): Promise<Server | undefined> {
  const last = newest(await readdir(folder))
  if (last > 0 && await isHeld(join(address, `lock.${last}`))) return undefined
  const name = Buffer.from(systemRandom(NAME_BYTES)).toString('hex')
  // It listens before it has its name, so that nobody takes it for dead. `exclusive`: otherwise the workers of a
  // cluster would share the socket, and each of them would hold the lock. All of this runs inside a 0700 folder.
  const server = createServer((socket) => socket.destroy())
  await once(server.listen({ path: join(address, name), exclusive: true, writableAll: true }), 'listening')
  // A lock that is held for the life of a process must not keep the process alive.
  if (await isNewest(folder, name, `lock.${last + 1}`)) return server.unref()
  await once(server.close(), 'close')
  return undefined
}

/** Gives our socket its name, unless another process was faster; the newest removes what the others have left. */
async function isNewest(folder: string, name: string, own: string): Promise<boolean> {
  try {
    await link(join(folder, name), join(folder, own))
  } catch (error) {
    if (errnoOf(error).code === 'EEXIST') return false
    throw error
  }
  const names = await readdir(folder)
  const isOurs = newest(names) === numberOf(own)
  const left = isOurs ? names.filter((other) => other !== own) : [own]
  await Promise.all(left.map((other) => unlink(join(folder, other)).catch(() => {})))
  return isOurs
}

async function isHeld(address: string): Promise<boolean> {
  const socket = connect(address)
  try {
    await once(socket, 'connect')
    return true
  } catch (error) {
    const { code = '' } = errnoOf(error)
    // Otherwise its holder has just gone, or its queue is full.
    if (!['ECONNREFUSED', 'ECONNRESET', 'EAGAIN', 'ENOENT'].includes(code)) throw error
    return code !== 'ECONNREFUSED'
  } finally {
    socket.destroy()
  }
}

function newest(names: readonly string[]): number {
  return Math.max(0, ...names.map(numberOf))
}

function numberOf(name: string): number {
  return Number(/^lock\.(\d+)$/.exec(name)?.[1] ?? 0)
}
