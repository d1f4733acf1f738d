import { constants } from 'node:fs'
import { type FileHandle, open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { RandomBytes } from '../core/random.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { decodeUtf8 } from '../core/utf8.ts'
import { sha256 } from '../jose/digest.ts'
import { KeyringFault } from '../keyring/fault.ts'
import { type RingStore, type Stored, StoreUnavailable, type Version } from '../keyring/store.ts'
import { takeLock } from './lock.ts'

/** What a file store needs to know. */
export interface FileStoreDeps {
  readonly path: string
  /** Whether a file that group or others can reach is read all the same. */
  readonly allowShared: boolean
  readonly randomBytes: RandomBytes
}

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants
const TEMPORARY = /^[0-9a-f]{16}\.tmp$/
const OWNER_ONLY = 0o600
const OTHERS = 0o077
const LARGEST = 64 * 1024 * 1024

/** What the system says of a path that no retry will mend. */
const UNREADABLE: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'this user may not read it'],
  ['EPERM', 'this user may not read it'],
  ['EISDIR', 'it is a folder'],
  ['ENOTDIR', 'a part of its path is no folder'],
  ['ELOOP', 'it is a symbolic link'],
  ['ENOENT', 'its folder does not exist'],
])

/**
 * A store in one file of one machine, for any number of processes: replaced whole by a temporary file, fsync, rename
 * and fsync of the folder, under a lock. A document's version is its SHA-256, and no two documents are alike.
 */
export function fileStore({ path, allowShared, randomBytes }: FileStoreDeps): RingStore {
  const folder = dirname(path)
  let isSwept = false
  const load = (): Promise<Stored | undefined> => guarded(path, () => readWhole(path, allowShared))
  const isCurrent = async (version: Version | undefined): Promise<boolean> => (await load())?.version === version

  const swap = async (document: string, expected: Version | undefined): Promise<Result<Version, 'conflict'>> => {
    if (!await isCurrent(expected)) return fail('conflict')
    if (!isSwept) await sweep(path)
    isSwept = true
    const temporary = `${path}.${Buffer.from(randomBytes(8)).toString('hex')}.tmp`
    try {
      await writeDurably(temporary, document, await ownerOf(path))
      // The lock does not reach into other network namespaces: a writer there is noticed here, or hardly ever not.
      if (!await isCurrent(expected)) return await unlink(temporary).then(() => fail('conflict'))
      await rename(temporary, path)
    } catch (error) {
      await unlink(temporary).catch(() => {})
      throw error
    }
    await syncFolder(folder)
    return ok(versionOf(document))
  }

  return {
    durable: true,
    load,
    replace: (document, expected) => guarded(path, async () => {
      const release = await takeLock(await lockName(folder, path))
      if (release === undefined) throw new StoreUnavailable('Cannot take the lock: another process holds it')
      return await swap(document, expected).finally(release)
    }),
  }
}

/** Removes what killed writers left behind; only under the lock, since a live one has its file there. */
async function sweep(path: string): Promise<void> {
  const folder = dirname(path)
  const own = `${basename(path)}.`
  const isLeft = (name: string): boolean => name.startsWith(own) && TEMPORARY.test(name.slice(own.length))
  const left = (await readdir(folder)).filter(isLeft)
  await Promise.all(left.map((name) => unlink(join(folder, name)).catch(() => {})))
}

/** Tells apart what will not get better by itself from what may. */
async function guarded<Value>(path: string, task: () => Promise<Value>): Promise<Value> {
  try {
    return await task()
  } catch (error) {
    if (error instanceof KeyringFault || error instanceof StoreUnavailable) throw error
    const { code = 'unknown', syscall = 'a call', path: at } = error as NodeJS.ErrnoException
    const reason = UNREADABLE.get(code)
    if (reason !== undefined && (at === path || syscall === 'stat')) throw new KeyringFault('unreadable', `Cannot open ${path}: ${reason}`)
    throw new StoreUnavailable(`Cannot use ${path}: ${syscall} says ${code}`, { cause: error })
  }
}

async function readWhole(path: string, allowShared: boolean): Promise<Stored | undefined> {
  const file = await openExisting(path)
  if (file === undefined) return undefined
  try {
    const status = await file.stat()
    if (!status.isFile()) throw new KeyringFault('unreadable', `Cannot open ${path}: it is no regular file`)
    if ((status.mode & OTHERS) !== 0 && !allowShared) {
      throw new KeyringFault('unreadable', `Cannot trust ${path}: group or others can reach it; chmod 600, or --allow-shared-files`)
    }
    const document = status.size > LARGEST ? undefined : decodeUtf8(await file.readFile())
    if (document === undefined) throw new KeyringFault('damaged', `Cannot read ${path}: it is too large, or not UTF-8`)
    return { document, version: versionOf(document) }
  } finally {
    await file.close()
  }
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    await stat(dirname(path))
    return undefined
  }
}

interface Owner {
  readonly uid: number
  readonly gid: number
}

async function ownerOf(path: string): Promise<Owner | undefined> {
  return await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}

/** A command that another user runs, as root does, must not take the file away from the server. */
async function writeDurably(path: string, document: string, owner: Owner | undefined): Promise<void> {
  const file = await open(path, O_WRONLY | O_CREAT | O_EXCL, OWNER_ONLY)
  try {
    const own = await file.stat()
    if (owner !== undefined && (own.uid !== owner.uid || own.gid !== owner.gid)) await file.chown(owner.uid, owner.gid)
    await file.writeFile(document)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, O_RDONLY)
  await folder.sync().finally(() => folder.close())
}

/** The same for every spelling of the path, and for no other file of the machine. */
async function lockName(folder: string, path: string): Promise<string> {
  const { dev, ino } = await stat(folder)
  return `jwksd-${sha256(`${dev}/${ino}/${basename(path)}`).slice(0, 32)}`
}

function versionOf(document: string): Version {
  return sha256(document) as string as Version
}
