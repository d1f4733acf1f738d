import { once } from 'node:events'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { takeLock } from '../../dist/stores/lock.js'

/**
 * One of several processes that count in one file: takes the lock, reads, waits, writes, releases, and prints a line.
 * `lock-counter.js new|old PATH OLD_NAME COUNT`: `old` locks as version 0.1 did.
 */

const [kind, path = '', oldName = '', count = ''] = process.argv.slice(2)

/**
 * The lock of version 0.1 (commit d116024).
 * @returns {Promise<() => Promise<void>>}
 */
async function takeAsBefore() {
  for (;;) {
    const server = createServer((socket) => socket.destroy())
    try {
      await once(server.listen(`\0${oldName}`), 'listening')
      return async () => void await once(server.close(), 'close')
    } catch {
      await setTimeout(2)
    }
  }
}

for (let done = 0; done < Number(count); done += 1) {
  const release = kind === 'old' ? await takeAsBefore() : await takeLock({ path, oldName })
  if (release === undefined) throw new Error('another process held the lock all the time')
  const value = Number(readFileSync(path, 'utf8'))
  await setTimeout(Math.random() * 2)
  writeFileSync(`${path}.${process.pid}`, String(value + 1))
  renameSync(`${path}.${process.pid}`, path)
  process.stdout.write('.')
  await release()
}
process.exit()
