import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What the other scripts share. Plain JavaScript, because it runs before anything is installed. */

/** The folder of the project. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * Runs a Node.js program to its end, with its output shown, and ends this process with its exit code if it fails.
 * @param {readonly string[]} args
 * @param {string} [folder]
 */
export function node(args, folder = root) {
  const { status } = spawnSync(process.execPath, args, { cwd: folder, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

/**
 * Runs npm in a folder: the one that started this script if there is one, whatever the shell is called.
 * @param {readonly string[]} args
 * @param {string} [folder]
 */
export function npm(args, folder = root) {
  const quiet = [...args, '--no-audit', '--no-fund', '--loglevel=error']
  const path = process.env['npm_execpath']
  if (path !== undefined) return node([path, ...quiet], folder)
  const { status } = spawnSync('npm', quiet, { cwd: folder, stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) process.exit(status ?? 1)
}

/**
 * Installs the packages of a folder as its lock file names them, unless that is done.
 * @param {string} [folder]
 */
export function install(folder = root) {
  const done = join(folder, 'node_modules', '.package-lock.json')
  const lock = join(folder, 'package-lock.json')
  if (existsSync(done) && statSync(done).mtimeMs >= statSync(lock).mtimeMs) return
  console.error(`Installing the packages of ${join(folder, 'package.json')}`)
  npm(['ci'], folder)
}

/**
 * All files below a folder, sorted.
 * @param {string} folder
 * @returns {string[]}
 */
export function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort()
}

/**
 * Whether the script of this URL is what Node.js was started with.
 * @param {string} url
 */
export function isEntry(url) {
  // The path as typed may lead over links; the URL of a module never does.
  return process.argv[1] !== undefined && fileURLToPath(url) === realpathSync(process.argv[1])
}
