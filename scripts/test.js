import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { build } from './build.js'
import { filesBelow, install, root } from './setup.js'

/**
 * `npm test`: installs, builds, checks types, layers, size, words and made tables, and runs all tests with coverage.
 * `npm test -- FILE...` runs these files alone; `--no-coverage` runs all without measuring.
 */

const THRESHOLDS = ['--check-coverage', '--lines', '95', '--branches', '90', '--functions', '0', '--statements', '0']
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
/** From 22.18 on Node.js runs TypeScript as it is. */
const loader = major > 22 || (major === 22 && minor >= 18) ? [] : ['--import', 'tsx']
/** Milliseconds after which tests are stopped: one that left something open would hold up the gate for ever. */
const LONGEST = 600_000
const args = process.argv.slice(2)
const named = args.filter((arg) => !arg.startsWith('--'))
const isMeasured = named.length === 0 && !args.includes('--no-coverage')

install()
build()
const checks = [
  ['types', [join('node_modules', 'typescript', 'bin', 'tsc'), '-p', join('test', 'tsconfig.json')]],
  ...['layers', 'size', 'words'].map((name) => [name, [...loader, join('scripts', `check-${name}.ts`)]]),
  ['docs', [...loader, join('scripts', 'docs.ts'), '--check']],
]
const wrong = checks.filter(([, command]) => run(/** @type {string[]} */ (command)) !== 0).map(([name]) => name)
if (wrong.length > 0) fail(`These checks failed: ${wrong.join(', ')}`)

const tests = filesBelow(join(root, 'test'))
  .map((path) => relative(root, path))
  .filter((path) => /^test[/\\][^/\\]+[/\\][^/\\]+\.test\.ts$/.test(path))
const folder = mkdtempSync(join(tmpdir(), 'jwksd-test-'))
const report = join(folder, 'report.tap')
const reporters = ['--test-reporter=spec', '--test-reporter-destination=stdout', '--test-reporter=tap', `--test-reporter-destination=${report}`]
const testing = [...loader, '--test', ...reporters, ...(named.length > 0 ? named : tests)]
const measuring = [
  join('node_modules', 'c8', 'bin', 'c8.js'), '--all', '--src', 'src', '--include', 'src/**', '--exclude-after-remap',
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
  const { status, error } = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit', timeout: LONGEST })
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
