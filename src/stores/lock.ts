import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { errnoOf, systemSays } from '../core/errno.ts'
import { StoreUnavailable } from '../keyring/store.ts'

/** Releases a lock. */
export type Release = () => Promise<void>

const LOCK_RETRY_MS = 2
const LOCK_ATTEMPTS = 2500

/**
 * Takes a lock of this machine by its name; answers the function that releases it, or undefined when another process
 * holds the lock through all attempts. The lock is a name in Linux's abstract socket space, which the kernel frees
 * when the process ends in any way. `exclusive`: otherwise the workers of a cluster would share one socket, and each
 * of them would hold the lock.
 */
export async function takeLock(name: string, attempts: number = LOCK_ATTEMPTS): Promise<Release | undefined> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const server = createServer((socket) => socket.destroy())
    if (await isBound(server, `\0${name}`)) {
      // A lock that is held for the life of a process must not keep the process alive.
      server.unref()
      return async () => void await once(server.close(), 'close')
    }
    if (attempt < attempts - 1) await setTimeout(LOCK_RETRY_MS)
  }
  return undefined
}

async function isBound(server: Server, path: string): Promise<boolean> {
  try {
    await once(server.listen({ path, exclusive: true }), 'listening')
    return true
  } catch (error) {
    if (errnoOf(error).code === 'EADDRINUSE') return false
    throw new StoreUnavailable(`Cannot take the lock: ${systemSays(error)}`)
  }
}
