import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** Seconds. (1) asks for 2 and (2) for 3; a jump for a while is longer than lead and retention. */
const OPTIONS = [
  '--rotation-interval', '7s', '--lead', '4s', '--retention', '5s', '--jwks-max-age', '1s', '--cache-layers', '1',
  '--propagation', '1s', '--clock-error', '0', '--ttl', '2s', '--max-ttl', '2s', '--leeway', '0', '--alg', 'ES256',
]
const [LEAD, RETENTION] = [2, 3]
const [WHILE, AFTER] = [6, 16]
/** Seconds after the start at which a clock jumps: before the first rotation, just after it, later. */
const MOMENTS = [5, 7.4, 12]
/** Seconds between two looks, and how much later than it happened something may be seen. */
const [LOOK, BLUR] = [0.05, 0.4]
const JUMPS = ['+1h', '+1d', '+10y', '-1h', '-1d', '-10y']
/** Servers at a time. */
const TOGETHER = 8

/** The library that gives a process another clock, or why there is none. */
function library() {
  for (const folder of ['/usr/lib/x86_64-linux-gnu/faketime', '/usr/lib/aarch64-linux-gnu/faketime']) {
    try {
      if (readdirSync(folder).includes('libfaketimeMT.so.1')) return join(folder, 'libfaketimeMT.so.1')
    } catch {}
  }
  return undefined
}

/** Why clocks cannot be set here. @returns {string | undefined} */
export function whyNoFaketime() {
  if (library() === undefined) return 'libfaketime is not installed (Debian: faketime)'
  const { stdout } = spawnSync(process.execPath, ['-p', 'Date.now()'], { env: { ...process.env, ...fakeTime('-10y') } })
  return Number(stdout) < Date.now() - 1e11 ? undefined : 'libfaketime does not move the clock of Node.js'
}

/** @param {string} offset @param {string} [file] */
function fakeTime(offset, file) {
  const clock = file === undefined ? { FAKETIME: offset } : { FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1' }
  return { LD_PRELOAD: library(), FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1', ...clock }
}

/** @typedef {{ publishedAt: number, activeAt?: number, retiredAt?: number, removedAt?: number }} Life */

/** One server whose clock jumps, watched by a clock that does not. */
class Watched {
  /** @type {Map<string, Life>} */
  lives = new Map()
  /** @type {Set<string>} */
  states = new Set()
  #dist
  #folder = mkdtempSync(join(tmpdir(), 'jwksd-jump-'))
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child
  #url = ''
  #isFirst = true

  /** @param {string} dist */
  constructor(dist) {
    this.#dist = dist
  }

  /** @param {string} offset */
  setClock(offset) {
    writeFileSync(join(this.#folder, 'clock'), `${offset}\n`)
  }

  /** @param {string} offset */
  async start(offset) {
    this.setClock(offset)
    const args = [join(this.#dist, 'server.js'), '--port', '0', '--store', `file:${join(this.#folder, 'ring.json')}`, '--unsealed', ...OPTIONS]
    const env = { ...process.env, ...fakeTime(offset, join(this.#folder, 'clock')) }
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    let log = ''
    child.stderr.on('data', (chunk) => log += chunk)
    this.#url = await new Promise((resolve, reject) => {
      child.stdout.on('data', (chunk) => {
        log += chunk
        const [, url] = /"url":"(http[^"]+)"/.exec(log) ?? []
        if (url !== undefined) resolve(url)
      })
      child.once('close', (code) => reject(new Error(`the server ended with ${code}: ${log.slice(-300)}`)))
    })
  }

  async stop() {
    const gone = new Promise((resolve) => this.#child?.once('close', resolve))
    this.#child?.kill('SIGTERM')
    await gone
  }

  /** @param {string} path @returns {Promise<any>} */
  async #read(path) {
    return await (await fetch(`${this.#url}${path}`)).json()
  }

  /** Looks at the keys for so many seconds. @param {number} length */
  async watch(length) {
    const end = performance.now() + length * 1000
    while (performance.now() < end) {
      const { keys } = await this.#read('/.well-known/jwks-history.json')
      const { status, stamps } = await this.#read('/readyz')
      this.states.add(stamps === undefined ? status : `${status}, stamps ahead`)
      const now = performance.now() / 1000
      for (const { jwk: { kid }, state } of keys) {
        // The very first set has no older one that a cache could hold.
        const life = this.lives.get(kid) ?? { publishedAt: this.#isFirst ? -Infinity : now }
        this.lives.set(kid, life)
        if (state === 'active') life.activeAt ??= now
        if (state === 'retired') life.retiredAt ??= now
        if (state === 'removed') life.removedAt ??= now
      }
      this.#isFirst = false
      await pause(LOOK * 1000)
    }
  }

  /** What came too early, and how often a key was promoted. */
  judge() {
    const lives = [...this.lives.values()]
    const early = lives.flatMap(({ publishedAt, activeAt = Infinity, retiredAt = Infinity, removedAt = Infinity }) => [
      ...activeAt < publishedAt + LEAD - BLUR ? [`promoted after ${(activeAt - publishedAt).toFixed(2)} s`] : [],
      ...removedAt < retiredAt + RETENTION - BLUR ? [`removed after ${(removedAt - retiredAt).toFixed(2)} s`] : [],
    ])
    return { early, promoted: lives.filter(({ activeAt }) => activeAt !== undefined).length - 1 }
  }

  remove() {
    this.#child?.kill('SIGKILL')
    rmSync(this.#folder, { recursive: true })
  }
}

/** @param {string} dist @param {{ jump: string, moment: number, restarts: boolean, returns: boolean }} trial */
async function tryJump(dist, { jump, moment, restarts, returns }) {
  const server = new Watched(dist)
  /** @param {string} offset */
  const change = async (offset) => {
    if (!restarts) return server.setClock(offset)
    await server.stop()
    return await server.start(offset)
  }
  const name = `${jump} at ${moment} s${restarts ? ' across a restart' : ''}${returns ? ' for a while' : ''}`
  try {
    await server.start('+0')
    await server.watch(moment)
    const before = server.judge().promoted
    await change(jump)
    await server.watch(WHILE)
    if (returns) await change('+0')
    await server.watch(AFTER)
    const { early, promoted } = server.judge()
    const faults = early.map((fault) => `${name}: ${fault}`)
    if (promoted === before) faults.push(`${name}: rotates no more`)
    if (jump.startsWith('-') && !server.states.has('degraded, stamps ahead')) faults.push(`${name}: /readyz names no stamps ahead`)
    return { faults, promoted }
  } catch (error) {
    return { faults: [`${name}: ${error}`], promoted: 0 }
  } finally {
    server.remove()
  }
}

/** Sets the clock of whole servers an hour, a day and ten years ahead and back. @param {{ dist: string, every: number }} order */
export async function jump({ dist, every }) {
  const trials = JUMPS.flatMap((name) => MOMENTS.flatMap((moment) => [false, true].flatMap((restarts) =>
    [false, true].map((returns) => ({ jump: name, moment, restarts, returns })))))
  const chosen = trials.filter((_trial, at) => at % every === 0)
  /** @type {string[]} */
  const faults = []
  let promoted = 0
  for (let at = 0; at < chosen.length; at += TOGETHER) {
    for (const done of await Promise.all(chosen.slice(at, at + TOGETHER).map((trial) => tryJump(dist, trial)))) {
      faults.push(...done.faults)
      promoted += done.promoted
    }
  }
  return { jumps: chosen.length, promoted, faults }
}
