import { once } from 'node:events'
import { link, open, readdir, unlink } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { errnoOf, except, systemSays } from '../core/errno.ts'
import { KeyringFault } from '../keyring/fault.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import { privateFolder } from '../system/private-folder.ts'
import { systemRandom } from '../system/random.ts'

/** Releases a lock. */
export type Release = () => Promise<void>

/** A lock that is wanted. */
export interface LockOrder {
  /** The file that its holder writes; the lock is the folder beside it, PATH.lock. */
  readonly path: string
  /** The name of the lock that version 0.1 takes for the file, in Linux's abstract socket space. */
  readonly oldName: string
  readonly attempts?: number
}

const LOCK_RETRY_MS = 2
const LOCK_ATTEMPTS = 2500
const NAME_BYTES = 8

/** The holder removes sockets that have no name yet; their owners try again. */
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
  try {
    const own = await persist(attempts, () => becomeNewest(folder, handle.fd).catch(unlessSwept))
    if (own === undefined) return undefined
    // While a server of version 0.1 may run, its lock is taken too; other users can hold that one.
    const takeOld = (): Promise<Release | undefined> => listening(`\0${oldName}`).catch(() => undefined)
    const old = await takeOld() ?? await (await import('./old-lock.ts')).waitForOld(takeOld, oldName, owner.value)
    if (old !== undefined) return () => old().then(own)
    return void await own()
  } catch (error) {
    throw new StoreUnavailable(`Cannot take the lock ${folder}: ${systemSays(error)}`, { cause: error })
  } finally {
    await handle.close()
  }
}

async function persist<Value>(attempts: number, task: () => Promise<Value | undefined>): Promise<Value | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const value = await task()
    if (value !== undefined || attempt >= attempts) return value
    await setTimeout(LOCK_RETRY_MS)
  }
}

/**
 * Listens on a socket, also inside a worker of a cluster, where all workers would share it without `exclusive`. A lock
 * that is held for the life of a process does not keep the process alive.
 */
async function listening(address: string): Promise<Release> {
  const server = createServer((socket) => socket.destroy()).unref()
  await once(server.listen({ path: address, exclusive: true, writableAll: !address.startsWith('\0') }), 'listening')
  return async () => void await once(server.close(), 'close')
}

/** Takes the next name once the newest socket is dead; undefined if it is not, or another process was faster. */
async function becomeNewest(folder: string, fd: number): Promise<Release | undefined> {
  // The way through /proc is short, however long the path: an address has 107 bytes at most.
  const addressOf = (name: string): string => `/proc/self/fd/${fd}/${name}`
  const last = newest(await readdir(folder))
  if (last > 0 && await isHeld(addressOf(`lock.${last}`))) return undefined
  // It listens before it gets the name, so that nobody takes it for dead.
  const [unnamed, own] = [Buffer.from(systemRandom(NAME_BYTES)).toString('hex'), `lock.${last + 1}`]
  const release = await listening(addressOf(unnamed))
  const { code } = await link(join(folder, unnamed), join(folder, own)).then(() => ({ code: 'linked' }), errnoOf)
  const names = await readdir(folder)
  if (code === 'linked' && newest(names) === last + 1) {
    await Promise.all(names.filter((name) => name !== own).map((name) => unlink(join(folder, name)).catch(() => {})))
    return release
  }
  await release()
  if (code === 'linked' || code === 'EEXIST' || code === 'ENOENT') return undefined
  throw Object.assign(new Error(), { code, syscall: 'link' })
}

/** Only a socket that nobody listens on refuses; one that has just been removed, or whose queue is full, does not. */
async function isHeld(address: string): Promise<boolean> {
  const socket = connect(address)
  const { code } = await once(socket, 'connect').then(() => ({ code: 'connected' }), errnoOf)
  socket.destroy()
  // Node's permission model: it would look as if the lock were held for ever.
  if (code === 'ERR_ACCESS_DENIED') throw Object.assign(new Error(), { code, syscall: 'connect' })
  return code !== 'ECONNREFUSED'
}

function newest(names: readonly string[]): number {
  return Math.max(0, ...names.map((name) => Number(/^lock\.(\d+)$/.exec(name)?.[1] ?? 0)))
}
