import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { build } from './build.js'
import { filesBelow, install, root } from './setup.js'

/**
 * `npm test`: installs, builds, checks types, layers, size, words and made tables, and runs all tests.
 * `npm test -- FILE...` runs these files alone; `--all` does every trial of tests that repeat themselves, not a share of
 * them, and measures coverage and what real servers load; `--no-coverage` leaves the first of these out.
 */

const THRESHOLDS = ['--check-coverage', '--lines', '95', '--branches', '90', '--functions', '0', '--statements', '0']
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
/** From 22.18 on Node.js runs TypeScript as it is. */
const loader = major > 22 || (major === 22 && minor >= 18) ? [] : ['--import', 'tsx']
/** After this time a file of tests is stopped and named: one that left something open would hold up the gate. */
const FILE_TIMEOUT_MS = 300_000
const TIMEOUT_MS = 1_800_000
const args = process.argv.slice(2)
const named = args.filter((arg) => !arg.startsWith('--'))
const isMeasured = args.includes('--all') && named.length === 0 && !args.includes('--no-coverage')
// test/support/share.ts reads it.
if (args.includes('--all')) process.env['ALL_TESTS'] = '1'

install()
build()
const checks = [
  ['types', [join('node_modules', 'typescript', 'bin', 'tsc'), '-p', join('test', 'tsconfig.json')]],
  ['types of the page', [join('node_modules', 'typescript', 'bin', 'tsc'), '-p', join('src', 'web', 'page', 'tsconfig.json')]],
  ...['layers', 'size', 'words'].map((name) => [name, [...loader, join('scripts', `check-${name}.ts`)]]),
  ['docs', [...loader, join('scripts', 'docs.ts'), '--check']],
  ...(args.includes('--all') ? [['prices', 'price-list.ts'], ['walks', 'walk.ts']] : [])
    .map(([name, file]) => [name, [...loader, join('scripts', String(file))]]),
]
const wrong = checks.filter(([, command]) => run(/** @type {string[]} */ (command)) !== 0).map(([name]) => name)
if (wrong.length > 0) fail(`These checks failed: ${wrong.join(', ')}`)

const tests = filesBelow(join(root, 'test'))
  .map((path) => relative(root, path))
  .filter((path) => /^test[/\\][^/\\]+[/\\][^/\\]+\.test\.ts$/.test(path))
  // `npm run engines` runs these, too: they need programs of others.
  .filter((path) => args.includes('--all') || !path.startsWith(join('test', 'engines')))
const folder = mkdtempSync(join(tmpdir(), 'jwksd-test-'))
const report = join(folder, 'report.tap')
const reporters = [['spec', 'stdout'], ['tap', report]]
  .flatMap(([name, destination]) => [`--test-reporter=${name}`, `--test-reporter-destination=${destination}`])
// One file for each core: many tests wait for a time-out, and Node.js would leave one core idle.
const concurrency = `--test-concurrency=${availableParallelism()}`
const timeout = `--test-timeout=${FILE_TIMEOUT_MS}`
const testing = [...loader, '--test', concurrency, timeout, ...reporters, ...(named.length > 0 ? named : tests)]
const measuring = [
  join('node_modules', 'c8', 'bin', 'c8.js'), '--all', '--src', 'src', '--include', 'src/**', '--exclude', 'src/web/page/**', '--exclude-after-remap',
  '--reporter', 'text', '--reporter', 'html', '--reports-dir', 'coverage', ...THRESHOLDS, process.execPath,
]
const status = run(isMeasured ? [...measuring, ...testing] : testing)
const tap = existsSync(report) ? readFileSync(report, 'utf8') : ''
rmSync(folder, { recursive: true })
// A runner that finds no test in a file counts the file itself as one that passed.
const idle = [...tap.matchAll(/^# Subtest: (.*\.test\.ts)$/gm)].map(([, path]) => path)
const passed = count('pass') - idle.length
const failed = count('fail') + count('cancelled')
console.log(`${passed} passed, ${failed} failed`)
if (passed <= 0 || idle.length > 0) fail(`No test ran${idle.length > 0 ? ` in ${idle.join(', ')}` : ''}`)
if (status !== 0) fail(failed > 0 ? 'Tests failed' : 'The coverage is below its thresholds, or the runner failed')

/** @param {string} what */
function count(what) {
  return Number(tap.match(new RegExp(`^# ${what} (\\d+)$`, 'm'))?.[1] ?? 0)
}

/** @param {readonly string[]} command */
function run(command) {
  const { status, error } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit', timeout: TIMEOUT_MS })
  if (error !== undefined) fail(`Given up: ${error.message}`)
  return status ?? 1
}

/**
 * @param {string} reason
 * @returns {never}
 */
function fail(reason) {
  console.error(reason)
  process.exit(1)
}
