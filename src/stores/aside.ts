import { closeSync, constants, openSync, statSync } from 'node:fs'
import type { LineFile } from '../audit/file.ts'
import { BEGIN, firstLine, lastLineWith, tailOf } from './lines.ts'

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants

/** The lines of the newest of these files that is a log: a crash may have left an empty one, or others a checksum. */
export function newestOf(paths: readonly string[]): Pick<LineFile, 'first' | 'last' | 'lastWith'> | undefined {
  const newest = paths.toSorted((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs)
    .find((path) => reading(path, firstLine)?.startsWith(BEGIN) === true)
  return newest === undefined ? undefined : {
    first: reading(newest, firstLine),
    last: reading(newest, tailOf).last,
    lastWith: (text) => reading(newest, (file) => lastLineWith(file, text)),
  }
}

function reading<Value>(path: string, read: (file: number) => Value): Value {
  const file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    return read(file)
  } finally {
    closeSync(file)
  }
}
