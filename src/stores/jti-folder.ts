import { mkdir, open, readdir, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { except, systemSays } from '../core/errno.ts'
import { type Clock, type Instant, instant, later } from '../core/time.ts'
import { sha256 } from '../jose/digest.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import { type JtiStore, MAX_MARKS_PER_CLIENT } from '../oauth/jti-store.ts'
import { syncFolder } from '../system/sync-folder.ts'
import { jtiPots, type Marks } from './jti-pots.ts'

const unlessMarked = except('EEXIST')
const unlessMissing = except('ENOENT')

/** Below the folder: a file for each client that revoked all of its tokens until the modification time of the file. */
const CUTS = 'clients'

/**
 * Marks as empty files in one folder: the file system makes each file for one process only. The modification time of
 * a file is the expiry of its mark. No mark is acknowledged before it would survive a power cut.
 */
export function jtiFolder(folder: string, now: Clock, most: number = MAX_MARKS_PER_CLIENT): JtiStore {
  let made: Promise<void> | undefined
  const make = (): Promise<void> => made ??= makeFolders(folder).catch((error: unknown) => {
    made = undefined
    throw error
  })
  const cutPath = (client: string): string => join(folder, CUTS, sha256(client))
  const marks: Marks = {
    set: async (name, until) => {
      await make()
      return await write(join(folder, name), 'wx', until)
    },
    has: async (name) => await timeOf(join(folder, name)) !== undefined,
    // A file that another process was making had its creation time when it was found.
    remove: async (name) => {
      const until = await timeOf(join(folder, name))
      if (until !== undefined && until <= now()) await unlink(join(folder, name)).catch(unlessMissing)
    },
    found: async function* () {
      for (const name of await readdir(folder)) {
        const until = name === CUTS ? undefined : await timeOf(join(folder, name))
        if (until !== undefined) yield [name, until]
      }
    },
    cut: async (client, at) => {
      await make()
      const path = cutPath(client)
      await write(path, 'a', later(at, await timeOf(path) ?? at))
    },
    cutAt: (client) => timeOf(cutPath(client)),
  }
  const { use, revoke, isRevoked } = jtiPots(marks, now, most)
  return {
    use: (one) => guarded(() => use(one)),
    revoke: (one) => guarded(() => revoke(one)),
    isRevoked: (tokens, issuedAt) => guarded(() => isRevoked(tokens, issuedAt)),
  }
}

async function makeFolders(folder: string): Promise<void> {
  await mkdir(join(folder, CUTS), { recursive: true, mode: 0o700 })
  for (const changed of [folder, dirname(folder)]) await syncFolder(changed)
}

/** Sets the time of a file that is made for it; false if it must be new and is not. */
async function write(path: string, flags: 'wx' | 'a', time: Instant): Promise<boolean> {
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
async function timeOf(path: string): Promise<Instant | undefined> {
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
