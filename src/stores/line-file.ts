import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { LineFile } from '../audit/log.ts'
import { sha256 } from '../jose/digest.ts'
import { syncFolder } from '../system/sync-folder.ts'
import { takeLock } from './lock.ts'

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } = constants
/** No record is longer: an event holds names and numbers, and its texts are bounded. */
const MAX_LINE_BYTES = 256 * 1024
const LINE_FEED = 0x0a

/**
 * Opens a file that only grows, or makes it with mode 0600. Throws the error of the system, or an
 * `Error` when another process has the file open.
 */
export async function openLineFile(path: string): Promise<LineFile> {
  const file = openSync(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600)
  const { dev, ino } = fstatSync(file)
  const oldName = `jwksd-log-${sha256(`${dev}/${ino}`).slice(0, 32)}`
  const release = await takeLock({ path, oldName, attempts: 1 })
  if (release === undefined) {
    closeSync(file)
    throw new Error('another process writes it. Give each server a file of its own')
  }
  await syncFolder(dirname(path))
  const tail = readTail(file)
  const end = tail.lastIndexOf(LINE_FEED) + 1
  const torn = tail.subarray(end).toString('latin1')
  const whole = tail.subarray(0, Math.max(0, end - 1))
  let size = fstatSync(file).size - torn.length
  let isTorn = torn !== ''
  /** A full disk stores the part of a line that fits; a device cannot be cut. */
  const cut = (): void => {
    if (isTorn) ftruncateSync(file, size)
    isTorn = false
  }
  return {
    last: end === 0 ? undefined : whole.subarray(whole.lastIndexOf(LINE_FEED) + 1).toString(),
    torn,
    append: (line) => {
      cut()
      isTorn = true
      const bytes = Buffer.from(`${line}\n`)
      for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done)
      isTorn = false
      size += bytes.length
    },
    sync: () => fsyncSync(file),
    close: async () => {
      closeSync(file)
      await release()
    },
  }
}

function readTail(file: number): Buffer {
  const { size } = fstatSync(file)
  const tail = Buffer.alloc(Math.min(size, MAX_LINE_BYTES))
  return tail.subarray(0, readSync(file, tail, 0, tail.length, size - tail.length))
}
