import { mkdir, readdir, readFile, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { except, systemSays } from '../core/errno.ts'
import { type Clock, type Instant, instant, later } from '../core/time.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import { type JtiStore, MAX_MARKS_PER_CLIENT } from '../oauth/jti-store.ts'
import { makeFile } from '../system/make-file.ts'
import { systemRandom } from '../system/random.ts'
import { replaceFile } from '../system/replace-file.ts'
import { ALL, jtiPots, type Marks } from './jti-pots.ts'

const unlessMarked = except('EEXIST')
const unlessMissing = except('ENOENT')
/** What a whole mark holds. */
const MOMENT = /^\d+(?:\.\d+)?\n$/

/**
 * Marks as files in one folder: the file system makes each file for one process only. A file holds the expiry of its
 * mark, or the moment until which all tokens of a client are revoked, in seconds since 1970; an empty one, of an older
 * version, has it as its modification time. No mark is acknowledged before it would survive a power cut.
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
      return await makeFile(pathOf(name), textOf(until)).then(() => true, unlessMarked) === true
    },
    raise: async (name, at) => {
      await make()
      await setTime(pathOf(name), later(at, await timeOf(pathOf(name)) ?? at))
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

/** Makes a folder of marks; it is on the disk with the first mark in it. */
export async function makeFolders(folder: string): Promise<void> {
  await mkdir(join(folder, ALL), { recursive: true, mode: 0o700 })
}

/** Sets the moment of a mark, new or not. */
export async function setTime(path: string, time: Instant): Promise<void> {
  await replaceFile({ path, content: textOf(time), randomBytes: systemRandom })
}

/** The moment of a mark; undefined if there is none. */
export async function timeOf(path: string): Promise<Instant | undefined> {
  const status = await stat(path).catch(unlessMissing)
  if (status === undefined) return undefined
  const text = status.size === 0 ? '' : await readFile(path, 'latin1').catch(unlessMissing)
  return text === undefined ? undefined : instant(MOMENT.test(text) ? Number(text) : status.mtimeMs / 1000)
}

function textOf(time: Instant): string {
  return `${time}\n`
}

async function guarded<Value>(task: () => Promise<Value>): Promise<Value> {
  try {
    return await task()
  } catch (error) {
    throw new StoreUnavailable(`Cannot remember identifiers: ${systemSays(error)}`, { cause: error })
  }
}
