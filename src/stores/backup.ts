import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { except } from '../core/errno.ts'
import { readPrivate } from '../system/private-file.ts'
import { appendLines } from './archive.ts'
import { makeFolders, setTime, timeOf } from './jti-folder.ts'
import { ALL } from './jti-pots.ts'

/**
 * Adds the marks beside a copy of a ring to those beside the store, the later moment of each. Resolves to how many
 * files there were; 0 where the copy has no folder of marks.
 */
export async function addMarks(from: string, to: string): Promise<number> {
  let count = 0
  for (const part of ['', ALL]) {
    const names = await readdir(join(from, part)).catch(except('ENOENT')) ?? []
    if (names.length > 0) await makeFolders(to)
    for (const name of names.filter((one) => one !== ALL && !one.endsWith('.tmp'))) {
      const [at, own] = [await timeOf(join(from, part, name)), await timeOf(join(to, part, name))]
      if (at === undefined || (own !== undefined && own >= at)) continue
      await setTime(join(to, part, name), at)
      count += 1
    }
  }
  return count
}

/** Adds the lines of one archive of past keys that another lacks. */
export async function addLines(from: string, to: string): Promise<void> {
  const [lines, own] = [await linesOf(from), new Set(await linesOf(to))]
  const lacking = lines.filter((line) => !own.has(line))
  if (lacking.length > 0) await appendLines(to, lacking)
}

async function linesOf(path: string): Promise<readonly string[]> {
  const rules = { othersMay: 'read', allowShared: true, followsLinks: false, maxBytes: Infinity } as const
  const read = await readPrivate(path, rules)
  return read.ok ? read.value.toString().split('\n').filter((line) => line !== '') : []
}
