import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const [MAJOR = 0] = process.versions.node.split('.').map(Number)

/** Why Node's permission model cannot be used here; undefined when it can. */
export const whyNotConfined = MAJOR >= 22 ? undefined : `Node.js ${process.versions.node} has no --permission`

/**
 * The flags of Node.js under which a process of ours may read the program and these tests, and use one folder.
 * @param {string} dist @param {string} folder
 */
export function confinement(dist, folder) {
  const read = [dist, join(dist, '..', 'package.json'), here, folder, '/proc/self/limits']
  return [
    '--permission', ...read.map((path) => `--allow-fs-read=${path}`), `--allow-fs-write=${folder}`,
    ...MAJOR >= 25 ? ['--allow-net'] : [], '--frozen-intrinsics', '--disable-proto=throw', '--no-addons',
    '--disallow-code-generation-from-strings', '--disable-warning=ExperimentalWarning',
  ]
}
