import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { errnoOf, systemSays } from '../core/errno.ts'
import type { Emit } from '../core/event.ts'
import type { RandomBytes } from '../core/random.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { decodeUtf8 } from '../core/encoding.ts'
import { sha256 } from '../jose/digest.ts'
import { KeyringFault } from '../keyring/fault.ts'
import { MAX_DOCUMENT_BYTES, type RingStore, type Stored, StoreUnavailable, type Version } from '../keyring/store.ts'
import type { ReadRules } from '../system/file-rules.ts'
import { readPrivate } from '../system/private-file.ts'
import { replaceFile, sweepTemporaries } from '../system/replace-file.ts'
import { takeLock } from './lock.ts'

/** What a file store needs. */
export interface FileStoreDeps {
  readonly path: string
  /** Whether a file that group or others can reach is read all the same. */
  readonly allowShared: boolean
  readonly randomBytes: RandomBytes
  readonly emit?: Emit | undefined
}

/** System errors that no retry mends. */
const PERMANENT: ReadonlyMap<string | undefined, string> = new Map([
  ['EACCES', 'this user may not read it'],
  ['EPERM', 'this user may not read it'],
  ['ENOTDIR', 'a part of its path is no folder'],
  ['ELOOP', 'it is a symbolic link'],
  ['ENOENT', 'its folder does not exist'],
])

/**
 * A store in one file of one machine, for any number of processes: the file is replaced whole, under a lock. A
 * document's version is its SHA-256, and no two documents are alike.
 */
export function fileStore({ path, allowShared, randomBytes, emit }: FileStoreDeps): RingStore {
  const shape = { followsLinks: false, makes: true, maxBytes: MAX_DOCUMENT_BYTES } as const
  const rules: ReadRules = { ...shape, othersMay: 'nothing', allowShared, restores: emit }
  let isSwept = false
  const load = (): Promise<Stored | undefined> => guarded(path, () => readRing(path, rules))
  const isCurrent = async (version: Version | undefined): Promise<boolean> => (await load())?.version === version

  const swap = async (content: string, expected: Version | undefined): Promise<Result<Version, 'conflict'>> => {
    if (!await isCurrent(expected)) return fail('conflict')
    const release = await takeLock({ path, oldName: await oldLockName(path) })
    if (release === undefined) throw new StoreUnavailable('Cannot take the lock: another process holds it')
    try {
      if (!isSwept) await sweepTemporaries(path)
      // What a failed write cannot remove, on a disk that became read-only, is swept before the next one.
      isSwept = false
      const isReplaced = await replaceFile({ path, content, randomBytes, mayReplace: () => isCurrent(expected) })
      isSwept = true
      return isReplaced ? ok(versionOf(content)) : fail('conflict')
    } finally {
      await release()
    }
  }

  // The writers of one process wait for each other here, which costs less than at the lock.
  let last: Promise<unknown> = Promise.resolve()
  return {
    durable: true,
    load,
    archive: (lines) => guarded(path, async () => (await import('./archive.ts')).appendLines(`${path}.past`, lines)),
    replace: (document, expected) => {
      const turn = last.then(() => guarded(path, () => swap(document, expected)))
      last = turn.catch(() => {})
      return turn
    },
  }
}

/** Separates the errors that stay until somebody mends the file from those that a retry may mend. */
async function guarded<Value>(path: string, task: () => Promise<Value>): Promise<Value> {
  try {
    return await task()
  } catch (error) {
    if (error instanceof KeyringFault || error instanceof StoreUnavailable) throw error
    const { code, syscall, path: at } = errnoOf(error)
    const reason = at === path || syscall === 'stat' ? PERMANENT.get(code) : undefined
    if (reason !== undefined) throw new KeyringFault('unreadable', `Cannot open ${path}: ${reason}`)
    throw new StoreUnavailable(`Cannot use ${path}: ${systemSays(error)}`, { cause: error })
  }
}

async function readRing(path: string, rules: ReadRules): Promise<Stored | undefined> {
  const read = await readPrivate(path, rules)
  if (read.ok) {
    const document = decodeUtf8(read.value)
    if (document === undefined) throw new KeyringFault('damaged', `Cannot read ${path}: it is not UTF-8`)
    return { document, version: versionOf(document) }
  }
  const { code, problem, cause } = read.error
  if (cause === undefined) throw new KeyringFault(code, `Cannot trust ${path}: ${problem}`)
  if (errnoOf(cause).code !== 'ENOENT') throw cause
  await stat(dirname(path))
  return undefined
}

/** The same for every spelling of the path, and for no other file of the machine. */
async function oldLockName(path: string): Promise<string> {
  const { dev, ino } = await stat(dirname(path))
  return `jwksd-${sha256(`${dev}/${ino}/${basename(path)}`).slice(0, 32)}`
}

function versionOf(document: string): Version {
  return sha256(document) as string as Version
}
