import {
  close, closeSync, constants, fstatSync, ftruncateSync, lstatSync, openSync, readdirSync, renameSync, type Stats,
  unlinkSync, write,
} from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { LineFile } from '../audit/file.ts'
import { except } from '../core/errno.ts'
import { sha256 } from '../jose/digest.ts'
import { BEGIN, firstLine, lastLineWith, tailOf } from './lines.ts'
import { takeLock } from './lock.ts'

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDWR, O_SYNC } = constants
/** Every write is on the disk when it ends, and so is the name of the file: see system/replace-file.ts. */
const MODE = O_RDWR | O_APPEND | O_SYNC | O_NOFOLLOW | O_NONBLOCK
/** The ending of a file that was put aside, by us or by what rotates logs; not of what we keep beside the file. */
const ASIDE = /^[.-](?!lock$|next$)/

const writeTo = promisify(write)
const closed = promisify(close)

/** An open file, and how it ends. */
interface Grown {
  file: number
  /** Bytes of whole lines. */
  size: number
  /** Bytes behind the last whole line: a full disk stores the part of a line that fits. */
  surplus: number
}

/**
 * Opens a file that only grows, or makes it with mode 0600; an empty one continues the newest file that was put aside.
 * `PATH.2` and so on are the files of other workers.
 * Throws the error of the system, or an `Error` when another process has the file open.
 */
export async function openLineFile(path: string, workers = 1): Promise<LineFile> {
  const { file, release } = await openLocked(path)
  const isRegular = fstatSync(file).isFile()
  const found = { ...tailOf(file), first: firstLine(file), lastWith: (text: string) => lastLineWith(file, text) }
  // A crash may have cut off the first record of a new file.
  const isNew = isRegular && found.last === undefined && BEGIN.startsWith(found.torn.slice(0, BEGIN.length))
  const aside = isNew ? filesAside(path, workers) : []
  const surplus = Buffer.byteLength(found.torn, 'latin1')
  const grown: Grown = { file, size: fstatSync(file).size - surplus, surplus }
  return {
    ...found,
    ...aside.length > 0 ? (await import('./aside.ts')).newestOf(aside) : undefined,
    place: isRegular ? `${hostname()}:${path}` : undefined,
    size: () => grown.size,
    append: (lines) => append(grown, Buffer.from(lines)),
    fault: () => isRegular ? faultOf(path, grown) : undefined,
    renew: async (ending) => {
      const { file: old } = grown
      // Whoever asks for a fault meanwhile must not meet a closed file.
      Object.assign(grown, { file: renewed(path, old, `${path}.${ending}`), size: 0, surplus: 0 })
      await closed(old)
    },
    close: async () => {
      closeSync(grown.file)
      await release()
    },
  }
}

async function openLocked(path: string): Promise<{ readonly file: number; readonly release: () => Promise<void> }> {
  const file = openSync(path, MODE | O_CREAT, 0o600)
  const { dev, ino } = fstatSync(file)
  const oldName = `jwksd-log-${sha256(`${dev}/${ino}`).slice(0, 32)}`
  const release = await takeLock({ path, oldName, attempts: 1 })
  if (release !== undefined) return { file, release }
  closeSync(file)
  throw new Error('another process writes it. Give each server a file of its own')
}

async function append(grown: Grown, bytes: Uint8Array): Promise<void> {
  const { file, surplus } = grown
  // A device cannot be cut, and has no surplus.
  if (surplus > 0) ftruncateSync(file, fstatSync(file).size - surplus)
  grown.surplus = 0
  for (let done = 0; done < bytes.length;) {
    done += (await writeTo(file, bytes, done).catch((error: unknown) => {
      grown.surplus = done
      throw error
    })).bytesWritten
  }
  grown.size += bytes.length
}

function faultOf(path: string, { file, size }: Grown): 'moved' | 'truncated' | undefined {
  const named = lstatSync(path, { throwIfNoEntry: false })
  if (named === undefined || !isSame(named, fstatSync(file))) return 'moved'
  return named.size < size ? 'truncated' : undefined
}

/** Opens a new file at the path; the old one, if it is still there, is put aside. */
function renewed(path: string, file: number, aside: string): number {
  const there = lstatSync(path, { throwIfNoEntry: false })
  const isOurs = there !== undefined && isSame(there, fstatSync(file))
  // What rotates logs may have made an empty file for us.
  if (there !== undefined && !isOurs && there.isFile() && there.size === 0) return openSync(path, MODE)
  const fresh = `${path}.next`
  if (isOurs && lstatSync(aside, { throwIfNoEntry: false }) !== undefined) {
    throw Object.assign(new Error(`${aside} exists`), { code: 'EEXIST' })
  }
  if (there !== undefined && !isOurs) throw Object.assign(new Error(`${path} is not empty`), { code: 'ENOTEMPTY' })
  try {
    unlinkSync(fresh)
  } catch (error) {
    except('ENOENT')(error)
  }
  const next = openSync(fresh, MODE | O_CREAT | O_EXCL, 0o600)
  if (isOurs) renameSync(path, aside)
  renameSync(fresh, path)
  return next
}

/** The files that were put aside under a path. */
function filesAside(path: string, workers: number): readonly string[] {
  const [folder, start] = [dirname(path), basename(path)]
  const names = readdirSync(folder).filter((name) => name.startsWith(start) && ASIDE.test(name.slice(start.length)))
    .filter((name) => !isOfOther(name.slice(start.length), workers))
  return names.map((name) => join(folder, name)).filter((name) => lstatSync(name).isFile())
}

function isOfOther(ending: string, workers: number): boolean {
  const worker = Number(/^\.(\d+)(?:[.-]|$)/.exec(ending)?.[1])
  return worker >= 2 && worker <= workers
}

function isSame(one: Stats, other: Stats): boolean {
  return one.dev === other.dev && one.ino === other.ino
}
