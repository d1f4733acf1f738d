import { mkdir, open, readdir, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { except, systemSays } from '../core/errno.ts'
import { type Clock, type Instant, instant, later } from '../core/time.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import { type JtiStore, MAX_MARKS_PER_CLIENT } from '../oauth/jti-store.ts'
import { syncFolder } from '../system/sync-folder.ts'
import { ALL, jtiPots, type Marks } from './jti-pots.ts'

const unlessMarked = except('EEXIST')
const unlessMissing = except('ENOENT')

/**
 * Marks as empty files in one folder: the file system makes each file for one process only. The modification time of
 * a file is the expiry of its mark, or the moment until which all tokens of a client are revoked. No mark is
 * acknowledged before it would survive a power cut.
 */
export function jtiFolder(folder: string, now: Clock, most: number = MAX_MARKS_PER_CLIENT): JtiStore {
  let made: Promise<void> | undefined
  const make = (): Promise<void> => made ??= makeFolders(folder).catch((error: unknown) => {
    made = undefined
    throw error
  })
  const pathOf = (name: string): string => join(folder, name)
  const marks: Marks = {
    set: async (name, until) => {
      await make()
      return await write(pathOf(name), 'wx', until)
    },
    raise: async (name, at) => {
      await make()
      await write(pathOf(name), 'a', later(at, await timeOf(pathOf(name)) ?? at))
    },
    timeOf: (name) => timeOf(pathOf(name)),
    // A file that another process was making had its creation time when it was found.
    remove: async (name) => {
      const until = await timeOf(pathOf(name))
      if (until !== undefined && until <= now()) await unlink(pathOf(name))
    },
    found: async function* () {
      for (const name of await readdir(folder)) {
        const until = name === ALL ? undefined : await timeOf(pathOf(name))
        if (until !== undefined) yield [name, until]
      }
    },
  }
  const { use, revoke, isRevoked } = jtiPots(marks, now, most)
  return {
    use: (one) => guarded(() => use(one)),
    revoke: (one) => guarded(() => revoke(one)),
    isRevoked: (tokens, issuedAt) => guarded(() => isRevoked(tokens, issuedAt)),
  }
}

/** Makes a folder of marks, on the disk when this resolves. */
export async function makeFolders(folder: string): Promise<void> {
  await mkdir(join(folder, ALL), { recursive: true, mode: 0o700 })
  for (const changed of [folder, dirname(folder)]) await syncFolder(changed)
}

/** Sets the time of a file that is made for it; false if it must be new and is not. */
export async function write(path: string, flags: 'wx' | 'a', time: Instant): Promise<boolean> {
  const file = await open(path, flags, 0o600).catch(unlessMarked)
  if (file === undefined) return false
  try {
    await file.utimes(time, time)
    await file.sync()
  } finally {
    await file.close()
  }
  await syncFolder(dirname(path))
  return true
}

/** The modification time of a file; undefined if there is none. */
export async function timeOf(path: string): Promise<Instant | undefined> {
  const status = await stat(path).catch(unlessMissing)
  return status === undefined ? undefined : instant(status.mtimeMs / 1000)
}

async function guarded<Value>(task: () => Promise<Value>): Promise<Value> {
  try {
    return await task()
  } catch (error) {
    throw new StoreUnavailable(`Cannot remember identifiers: ${systemSays(error)}`, { cause: error })
  }
}
