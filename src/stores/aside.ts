import { closeSync, constants, openSync, statSync } from 'node:fs'
import type { LineFile } from '../audit/file.ts'
import { firstLine, lastLineWith, tailOf } from './lines.ts'

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants

/** The lines of the newest of these files that has any: a crash may have left an empty one in its place. */
export function newestOf(paths: readonly string[]): Pick<LineFile, 'first' | 'last' | 'lastWith'> | undefined {
  const [newest] = paths.filter((path) => statSync(path).size > 0)
    .toSorted((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs)
  if (newest === undefined) return undefined
  const read = <Line>(line: (file: number) => Line): Line => {
    const file = openSync(newest, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    try {
      return line(file)
    } finally {
      closeSync(file)
    }
  }
  return {
    first: read(firstLine),
    last: read(tailOf).last,
    lastWith: (text) => read((file) => lastLineWith(file, text)),
  }
}
