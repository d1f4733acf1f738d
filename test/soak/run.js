import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Checks, same } from '../clients/checks.js'
import { ask, fetchTokens } from './right.js'
import { auditOf, makeClients, replaceFile, startServer, verifyAudit } from './server.js'

/**
 * The built server under floods, while its clients, keys and log files change: `--minutes N`, one half with one process and
 * one with two workers of which one is replaced each minute, or `--workers 2` alone. A fifth of each has no flood: what the times under a flood are compared
 * with.
 */

const FLOOD = fileURLToPath(new URL('flood.js', import.meta.url))
const QUIET_SHARE = 0.2
const CHANGE_MS = 2000
const MEMORY_MS = 250
/** In a short run it is a sixth of the time under a flood. */
const REPLACE_MS = 60_000
/** What right requests may take under a flood, whichever is longer; a busy machine fails no short run. */
const [MOST_TIMES, MOST_MS, SHORT_SHARE] = [5, 50, 2]
/**
 * Growth of the last third over the second: in percent where a run is long enough for the heap to have settled, else in
 * MiB; a leak of one name of a stranger for each request would be 1 GiB in two minutes.
 */
const [MOST_PERCENT, LONG_MINUTES, MOST_MIB] = [10, 10, 64]

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '5' }, workers: { type: 'string', default: '1,2' } },
})
const runs = values.workers.split(',').map(Number)
const minutes = Number(values.minutes)
if (!(minutes >= 0.5 && minutes <= 600)) throw new RangeError('--minutes is a number from 0.5 to 600')

/** Whether each half is long enough for the heap to settle, and for a busy moment not to count. */
const isLong = minutes / runs.length >= LONG_MINUTES

process.on('SIGTERM', () => process.exit(1))
process.on('SIGINT', () => process.exit(1))

const checks = new Checks()
const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length
const p99 = (times) => times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)]

/** Runs until a moment: replaces the clients file, sends SIGHUP, and moves the audit log where `moved` is a list. */
async function change({ folder, server, workers, moved, until }) {
  const file = join(folder, 'clients.json')
  const first = JSON.parse(readFileSync(file, 'utf8'))
  let changes = 0
  for (; Date.now() + CHANGE_MS < until; changes += 1) {
    await sleep(CHANGE_MS)
    const extra = { ...first.clients[0], client_id: `extra-${changes}` }
    replaceFile(file, { ...first, clients: [...first.clients, extra] })
    for (let worker = 1; moved !== undefined && worker <= workers; worker += 1) {
      const path = auditOf(folder, worker)
      await server.until(() => existsSync(path), 'begun a new audit log')
      renameSync(path, `${path}.moved.${changes}`)
      moved[worker - 1].push(`${path}.moved.${changes}`)
    }
    // Every other time the server has to notice by itself.
    if (moved !== undefined || changes % 2 === 0) server.hangUp()
  }
  return changes
}

/** Replaces one worker after the other until a moment; answers how many. */
async function replaceWorkers(server, until) {
  const every = Math.min(REPLACE_MS, (until - Date.now()) / 6)
  let replaced = 0
  for (; Date.now() + 2 * every < until; replaced += 1) {
    await sleep(every)
    server.replaceWorker(replaced)
  }
  return replaced
}

/** Measures the resident memory, in MiB, until a moment. */
async function watchMemory(server, until) {
  const seen = []
  while (Date.now() < until) {
    seen.push(server.memory())
    await sleep(MEMORY_MS)
  }
  return seen
}

/** The whole time under floods. */
async function underFloods({ folder, server, credentials, workers, moved, until }) {
  const flood = spawn(process.execPath, [FLOOD, server.url], { stdio: ['pipe', 'pipe', 'inherit'] })
  let text = ''
  flood.stdout.setEncoding('utf8').on('data', (chunk) => text += chunk)
  const ended = once(flood, 'close')
  const [right, memory, changes, replaced] = await Promise.all([
    fetchTokens(server.url, credentials, until),
    watchMemory(server, until),
    change({ folder, server, workers, moved, until }),
    workers > 1 ? replaceWorkers(server, until) : 0,
  ])
  flood.stdin.end()
  await ended
  return { right, memory, changes, replaced, answers: JSON.parse(text) }
}

/** The history of keys, fetched just after a promotion, so that it has the key of the last checkpoint. */
async function saveHistory(server, file) {
  const before = server.count('key.promoted')
  await server.until(() => server.count('key.promoted') > before, 'promoted a key')
  await sleep(500)
  const { text } = await ask(`${server.url}/.well-known/jwks-history.json`, {})
  writeFileSync(file, text)
  return JSON.parse(text)
}

/** Checks what right clients were answered, and how soon. */
async function checkRight(that, quiet, { right, answers }) {
  await that('serves and lets verify every right request', () => {
    same([...quiet.faults, ...right.faults].slice(0, 5).join('; '), '', 'list of faults')
    if (right.times.length < 50) throw new Error(`only ${right.times.length} requests were sent`)
    return `${quiet.times.length + right.times.length} requests, ${right.kids.size} keys`
  })
  await that('serves them soon', () => {
    const [before, under] = [p99(quiet.times), p99(right.times)]
    const told = `p99 ${under.toFixed(1)} ms, without a flood ${before.toFixed(1)} ms`
    const most = Math.max(MOST_TIMES * before, MOST_MS) * (isLong ? 1 : SHORT_SHARE)
    if (under > most) throw new Error(told)
    return told
  })
  await that('refuses the others', () => {
    const served = Object.keys(answers).filter((what) => / [25]\d\d$/.test(what))
    same(served.join(), '', 'list of answers that should not be')
    return Object.entries(answers).map(([what, many]) => `${what}: ${many}`).join(', ')
  })
}

/** Checks memory, keys and logs. */
async function checkServer(that, server, { memory, changes, replaced }) {
  if (replaced > 0) await that('replaces its workers', () => {
    same(server.count('worker.ended'), replaced, 'number of workers that ended')
    return `${replaced} times`
  })
  // A new worker begins with little memory.
  if (replaced === 0) await that('keeps its memory flat', () => {
    const third = Math.floor(memory.length / 3)
    const [second, last] = [mean(memory.slice(third, 2 * third)), mean(memory.slice(2 * third))]
    const percent = (last / second - 1) * 100
    const told = `${second.toFixed(0)} MiB, then ${last.toFixed(0)} MiB: ${percent.toFixed(1)} %`
    if (isLong ? percent > MOST_PERCENT : last - second > MOST_MIB) throw new Error(told)
    return told
  })
  await that('reads its clients again', () => {
    if (server.count('clients.loaded') < changes) throw new Error(`${server.count('clients.loaded')} of ${changes}`)
    return `${changes} times`
  })
  await that('reports no fault', () => {
    // A log counts as failing from the move to SIGHUP; workers are ended on purpose.
    const isAsked = ({ event, code }) => code === 'moved' || (event === 'worker.ended' && code === 0)
    const faults = server.events.filter((event) => event.level === 'error' && !isAsked(event))
    same(faults.slice(0, 5).map((event) => JSON.stringify(event)).join(), '', 'list of faults')
  })
}

/** One half: a server with so many workers. With `moves` the audit log is moved, else the server divides it itself. */
async function soak(workers, moves) {
  const folder = mkdtempSync(join(tmpdir(), 'jwksd-soak-'))
  const that = (what, check) => checks.that(`workers ${workers}`, what, check)
  try {
    const credentials = makeClients(join(folder, 'clients.json'))
    const server = await startServer(folder, workers, moves ? [] : ['--audit-required', '--audit-size', '1'])
    const moved = moves ? Array.from({ length: workers }, () => []) : undefined
    const [begun, length] = [Date.now(), minutes * 60_000 / runs.length]
    const quiet = await fetchTokens(server.url, credentials, begun + length * QUIET_SHARE)
    const seen = await underFloods({ folder, server, credentials, workers, moved, until: begun + length })
    const history = await saveHistory(server, join(folder, 'history.json'))
    const exit = await server.end()
    await checkRight(that, quiet, seen)
    await checkServer(that, server, seen)
    await that('loses no commit', () => {
      const kept = new Set(history.keys.map(({ jwk }) => jwk.kid))
      const kidsOf = (name) => server.events.filter(({ event }) => event === name).map(({ kid }) => kid)
      const seen = kidsOf('key.promoted')
      same(seen.filter((kid) => !kept.has(kid)).join(), '', 'list of keys that signed and are gone')
      same(seen.length, new Set(seen).size, 'number of promotions')
      return `${seen.length} rotations`
    })
    await that('ends in order', () => same(exit, 0, 'exit code'))
    for (let worker = 1; worker <= workers; worker += 1) {
      const verify = () => verifyAudit(auditOf(folder, worker), moved?.[worker - 1] ?? [], join(folder, 'history.json'))
      await that(`has an audit log that verifies, of worker ${worker}`, verify)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

for (const workers of runs) await soak(workers, workers > 1)
console.log(`${checks.passed} passed, ${checks.failed} failed`)
process.exitCode = checks.failed === 0 && checks.passed > 0 ? 0 : 1
