import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { after, between, type Clock, type Instant, instant, seconds } from '../core/time.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import type { JtiStore, Mark } from '../oauth/jti-store.ts'
import { MOST_MARKS } from './jti-memory.ts'

const { O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } = constants
/** Seconds between two looks for marks that are over. */
const SWEEP_EVERY = seconds(60)

/**
 * Marks as empty files in one folder, which the file system makes once and no more, whichever process asks first; the
 * time of modification says until when. Nothing is acknowledged that a power cut could take back.
 */
export function jtiFolder(folder: string, now: Clock): JtiStore {
  let sweepAt = now()
  let count = 0
  const pathOf = (mark: Mark, id: string): string => join(folder, `${mark}-${id}`)
  const tidy = async (): Promise<void> => {
    if (now() < sweepAt) return
    sweepAt = after(now(), SWEEP_EVERY)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    count = await sweep(folder, now())
  }
  return {
    mark: (mark, id, until) => guarded(async () => {
      await tidy()
      if (count >= MOST_MARKS) throw new StoreUnavailable('Cannot remember any more identifiers')
      const file = await openNew(pathOf(mark, id))
      if (file === undefined) return false
      try {
        await file.utimes(until, until)
        await file.sync()
      } finally {
        await file.close()
      }
      const names = await open(folder, O_RDONLY)
      await names.sync().finally(() => names.close())
      count += 1
      return true
    }),
    isMarked: (mark, id) => guarded(() => exists(pathOf(mark, id))),
  }
}

/** Removes the marks that are over, and answers how many are left. */
async function sweep(folder: string, now: Instant): Promise<number> {
  let left = 0
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const status = await stat(path).catch(() => undefined)
    if (status === undefined) continue
    // A mark is as old as its file until it has its time.
    if (between(instant(status.mtimeMs / 1000), now) < SWEEP_EVERY) left += 1
    else await unlink(path).catch(() => {})
  }
  return left
}

async function openNew(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined
    throw error
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

async function guarded<Value>(task: () => Promise<Value>): Promise<Value> {
  try {
    return await task()
  } catch (error) {
    if (error instanceof StoreUnavailable) throw error
    const { code = 'unknown', syscall = 'a call' } = error as NodeJS.ErrnoException
    throw new StoreUnavailable(`Cannot remember identifiers: ${syscall} says ${code}`, { cause: error })
  }
}
