import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { errnoOf, systemSays } from '../core/errno.ts'
import { StoreUnavailable } from '../keyring/store.ts'

/** Milliseconds between two tries, and how many of them there are. */
const PAUSE = 2
const TRIES = 2500

/**
 * Takes a lock of this machine by its name, and answers what gives it back; undefined when it is still taken after
 * `tries`. It is a name in Linux's abstract socket space, which the kernel frees with the process, however that ends.
 * `exclusive`: workers of a cluster would otherwise share one socket, and each of them would hold the lock.
 */
export async function takeLock(name: string, tries: number = TRIES): Promise<(() => Promise<void>) | undefined> {
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const server = createServer((socket) => socket.destroy())
    if (await isBound(server, `\0${name}`)) {
      // A lock that is held for the life of a process must not keep the process alive.
      server.unref()
      return async () => {
        const closed = once(server, 'close')
        server.close()
        await closed
      }
    }
    if (attempt < tries - 1) await new Promise((resolve) => setTimeout(resolve, PAUSE))
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
