import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const COMMITTER = fileURLToPath(new URL('committer.js', import.meta.url))
const ERRORS = ['ENOSPC', 'EACCES', 'EIO', 'EROFS', 'EDQUOT']
/** The lock is a socket, which has no path to filter by. */
const LOCK_CALLS = ['socket', 'bind', 'listen']
const LOCK_ERRORS = ['EACCES', 'EMFILE', 'ENOBUFS', 'EADDRINUSE']

/** @typedef {{ outcome: string, message?: string }} Report */
/** @typedef {{ call: string, occurrence: number, isCommitted: boolean }} Step */

/**
 * Lets each system call of a commit fail, one at a time, in each way: those that touch the file, its temporary file or
 * its folder, and those of the lock. `every` takes only each so many of them.
 * @param {{ dist: string, every: number }} order
 */
export function injectFaults({ dist, every }) {
  const folder = mkdtempSync(join(tmpdir(), 'jwksd-fault-'))
  const ring = join(folder, 'ring.json')
  const reset = () => writeFileSync(ring, 'old', { mode: 0o600 })
  const commit = (/** @type {string} */ document, /** @type {readonly string[]} */ tracing) => commitUnder(dist, ring, document, tracing)
  const paths = [ring, `${ring}.0000000000000000.tmp`, folder].flatMap((path) => ['-P', path])
  /** @type {string[]} */
  const faults = []
  try {
    reset()
    const trace = join(folder, 'trace')
    commit('new', ['-o', trace, ...paths])
    const steps = stepsOf(readFileSync(trace, 'utf8'))
    rmSync(trace)
    const files = steps.flatMap((step) => ERRORS.map((error) => ({ ...step, error, filter: paths })))
    const locks = LOCK_CALLS.flatMap((call) => LOCK_ERRORS.map((error) => ({ call, occurrence: 1, isCommitted: false, error, filter: [] })))
    const all = [...files, ...locks].filter((_fault, at) => at % every === 0)
    for (const { call, occurrence, isCommitted, error, filter } of all) {
      reset()
      const inject = `inject=${call}:error=${error}:when=${occurrence}${filter.length === 0 ? '+' : ''}`
      const { outcome, message = '' } = commit('new', ['-o', '/dev/null', ...filter, '-e', inject])
      const where = `${error} at ${call} ${occurrence}: ${outcome} ${message}`
      const held = readFileSync(ring, 'utf8')
      // What follows the rename may fail, or be cleaning up: then the document is committed, and may say so or not.
      if (held !== (isCommitted || outcome === 'committed' ? 'new' : 'old')) faults.push(`${where}: the file holds ${held}`)
      const isNamed = outcome === 'committed' || ['StoreUnavailable', 'KeyringFault'].includes(outcome) && isNaming(message, error)
      if (!isNamed) faults.push(`${where}: it is not named`)
      const { outcome: next } = commit('next', ['-o', '/dev/null', '-e', 'trace=none'])
      if (next !== 'committed' || readFileSync(ring, 'utf8') !== 'next') faults.push(`${where}: the next commit says ${next}`)
      const left = readdirSync(folder).filter((name) => !['ring.json', 'ring.json.lock'].includes(name))
      if (left.length > 0) faults.push(`${where}: ${left.join(', ')} is left`)
    }
    if (steps.length < 20 || !steps.some(({ isCommitted }) => isCommitted)) faults.push('the calls of a commit were not seen')
    return { calls: steps.length + LOCK_CALLS.length, injected: all.length, faults }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** @param {string} message @param {string} error */
function isNaming(message, error) {
  // Node.js has no name for EDQUOT.
  const name = error === 'EDQUOT' ? `system error -${constants.errno.EDQUOT}` : error
  return message.includes(name) || (error === 'EACCES' && message.includes('may not read it')) || message.includes('another process holds it')
}

/** @param {string} dist @param {string} ring @param {string} document @param {readonly string[]} tracing @returns {Report} */
function commitUnder(dist, ring, document, tracing) {
  const args = ['-f', '-qq', ...tracing, process.execPath, COMMITTER, dist, ring, document]
  // With one thread for files, calls have one order.
  const { stdout, stderr } = spawnSync('strace', args, { encoding: 'utf8', env: { ...process.env, UV_THREADPOOL_SIZE: '1' } })
  return stdout === '' ? { outcome: 'died', message: stderr.trim() } : JSON.parse(stdout)
}

/** The calls in a trace, each with its number among those of its name. @param {string} trace @returns {Step[]} */
function stepsOf(trace) {
  /** @type {Map<string, number>} */
  const seen = new Map()
  let isCommitted = false
  return [...trace.matchAll(/^\d+ +(\w+)\(/gm)].map(([, call = '']) => {
    const occurrence = (seen.get(call) ?? 0) + 1
    seen.set(call, occurrence)
    const step = { call, occurrence, isCommitted }
    isCommitted ||= call === 'rename'
    return step
  })
}
