import { mkdir, open, readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { except, systemSays } from '../core/errno.ts'
import { after, between, type Clock, type Instant, instant, seconds } from '../core/time.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import { type JtiStore, type Mark, MAX_MARKS } from '../oauth/jti-store.ts'
import { syncFolder } from '../system/sync-folder.ts'

/** Time between two sweeps of expired marks. */
const SWEEP_SECONDS = seconds(60)

const unlessMarked = except('EEXIST')

/**
 * Marks as empty files in one folder: the file system makes each file for one process only. The modification time of
 * a file is the expiry of its mark. No mark is acknowledged before it would survive a power cut.
 */
export function jtiFolder(folder: string, now: Clock): JtiStore {
  let sweepAt = now()
  let count = 0
  const pathOf = (mark: Mark, id: string): string => join(folder, `${mark}-${id}`)
  const tidy = async (): Promise<void> => {
    if (now() < sweepAt) return
    sweepAt = after(now(), SWEEP_SECONDS)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    count = await sweep(folder, now())
  }
  return {
    mark: (mark, id, until) => guarded(async () => {
      await tidy()
      if (count >= MAX_MARKS) throw new StoreUnavailable('Cannot remember any more identifiers')
      const file = await open(pathOf(mark, id), 'wx', 0o600).catch(unlessMarked)
      if (file === undefined) return false
      try {
        await file.utimes(until, until)
        await file.sync()
      } finally {
        await file.close()
      }
      await syncFolder(folder)
      count += 1
      return true
    }),
    isMarked: (mark, id) => guarded(async () => await stat(pathOf(mark, id)).catch(except('ENOENT')) !== undefined),
  }
}

/** Removes expired marks; returns how many are left. */
async function sweep(folder: string, now: Instant): Promise<number> {
  let left = 0
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const status = await stat(path).catch(() => undefined)
    if (status === undefined) continue
    // A new file carries its creation time until its expiry is set.
    if (between(instant(status.mtimeMs / 1000), now) < SWEEP_SECONDS) left += 1
    else await unlink(path).catch(() => {})
  }
  return left
}

async function guarded<Value>(task: () => Promise<Value>): Promise<Value> {
  try {
    return await task()
  } catch (error) {
    if (error instanceof StoreUnavailable) throw error
    throw new StoreUnavailable(`Cannot remember identifiers: ${systemSays(error)}`, { cause: error })
  }
}
