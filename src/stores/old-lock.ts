import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { errnoOf } from '../core/errno.ts'

/** The lock of version 0.1 and older. While such a version may run on the same file, a newer one takes it too. */

const RETRY_MS = 2
/** A commit of an old version is done within so many attempts, as a rule; then we ask who holds the lock. */
const PATIENCE = 50
/** A user who binds the name over and over is gone before we can ask whose process it was. */
const MAX_UNKNOWN = 5

/**
 * Takes the old lock, a name in Linux's abstract socket space. Every user can see and bind such a name, so we do not
 * wait for a process of another user than `owner` or root; undefined while a process of theirs holds it.
 */
export async function takeOldLock(name: string, owner: number, attempts: number): Promise<(() => Promise<void>) | undefined> {
  let unknown = 0
  for (let attempt = 1; attempt <= attempts || attempt <= PATIENCE; attempt += 1) {
    const server = createServer((socket) => socket.destroy())
    try {
      await once(server.listen({ path: `\0${name}`, exclusive: true }), 'listening')
      server.unref()
      return async () => void await once(server.close(), 'close')
    } catch (error) {
      if (errnoOf(error).code !== 'EADDRINUSE') throw error
    }
    await setTimeout(RETRY_MS)
    if (attempt % PATIENCE > 0) continue
    const holder = await (await import('./old-holder.ts')).holderOf(name, owner)
    if (holder === 'unknown') unknown += 1
    if (holder === 'stranger' || unknown === MAX_UNKNOWN) return async () => {}
  }
  return undefined
}
