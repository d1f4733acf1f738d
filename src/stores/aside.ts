import { closeSync, constants, openSync, statSync } from 'node:fs'
import type { LineFile } from '../audit/file.ts'
import { firstLine, lastLineWith, tailOf } from './lines.ts'

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants

/** The first and last line of the newest of these files: a crash may have left an empty one in its place. */
export function newestOf(paths: readonly string[]): Pick<LineFile, 'first' | 'last' | 'lastWith'> | undefined {
  const [newest] = paths.toSorted((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs)
  if (newest === undefined) return undefined
  const file = openSync(newest, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  const lineWith = lastLineWith(file, '"generation":')
  const read = { first: firstLine(file), last: tailOf(file).last, lastWith: () => lineWith }
  closeSync(file)
  return read
}
