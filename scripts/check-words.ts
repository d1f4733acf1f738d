import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isEntry, root } from './setup.js'

/** What no file of the project may name: hosts of package registries and paths of one machine; split, not to find itself. */
const FORBIDDEN: readonly RegExp[] = [
  ['registry.', 'npmjs'], ['deb.', 'debian'], ['(?<![\\w.])/', 'work/'], ['(?<![\\w.])/', 'root/'], ['(?<![\\w.])/', 'home/'],
].map((parts) => new RegExp(parts.join('')))

/** The lines of a text that name what they must not, as `path:line`. */
export function wordFaults(path: string, text: string): readonly string[] {
  return text.split('\n').flatMap((line, at) => FORBIDDEN.some((word) => word.test(line)) ? [`${path}:${at + 1}`] : [])
}

if (isEntry(import.meta.url)) {
  const listed = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  // What was deleted and not yet committed is listed too; without git there is no list, and nothing to keep clean.
  const paths = (listed.stdout ?? '').split('\n').filter((path) => path !== '' && existsSync(join(root, path)))
  const faults = paths.flatMap((path) => wordFaults(path, readFileSync(join(root, path), 'utf8')))
  for (const fault of faults) console.error(`${fault}: names a registry host or a path of one machine`)
  console.log(`words: ${paths.length} files, ${faults.length} faults`)
  process.exitCode = faults.length === 0 ? 0 : 1
}
