import { writeSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import type { LineFile } from '../audit/file.ts'
import { errnoOf } from '../core/errno.ts'

const RETRY_MS = 10

/** Standard output as a log: each process has a chain of its own, and a slow reader loses nothing of it. */
export function openLinePipe(file: number): LineFile {
  return {
    place: undefined,
    first: undefined,
    last: undefined,
    torn: '',
    size: () => 0,
    fault: () => undefined,
    lastWith: () => undefined,
    renew: async () => {},
    close: async () => {},
    append: async (lines) => {
      const bytes = Buffer.from(lines)
      for (let done = 0; done < bytes.length;) {
        const more = accepted(file, bytes.subarray(done))
        if (more === 0) await setTimeout(RETRY_MS)
        done += more
      }
    },
  }
}

/** Bytes that the reader's pipe takes now: none when it is full. */
function accepted(file: number, bytes: Buffer): number {
  try {
    return writeSync(file, bytes)
  } catch (error) {
    if (errnoOf(error).code !== 'EAGAIN') throw error
    return 0
  }
}
