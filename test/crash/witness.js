import { spawn, spawnSync } from 'node:child_process'
import { createPublicKey, verify } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { confinement } from './confined.js'

const WORKER = fileURLToPath(new URL('worker.js', import.meta.url))
const ALGS = ['ES256', 'Ed25519']

/** @typedef {{ kid: string }} Jwk */
/** @typedef {{ url: string, child: import('node:child_process').ChildProcess, exited: Promise<unknown> }} Server */

/** Runs servers on one folder, one after the other, and holds each to what the ones before it have handed out. */
export class Witness {
  /** Tokens that were handed out and may be alive. @type {{ token: string, exp: number }[]} */
  #tokens = []
  /** The `jti` of every token that was handed out. @type {string[]} */
  #minted = []
  /** Keys that were ever served. @type {Set<string>} */
  #kids = new Set()
  #dist
  #folder
  #isAudited
  /** Flags of Node.js for the servers. @type {readonly string[]} */
  #flags
  /** The server that runs, or ran last. @type {{ child: import('node:child_process').ChildProcess, gone: Promise<unknown> } | undefined} */
  #last
  /** Names of the events of the server that runs, in their order. @type {string[]} */
  events = []
  /** What was found missing, in words. @type {string[]} */
  faults = []
  /** @type {Record<'starts' | 'tokens' | 'keys' | 'rotations' | 'refused' | 'recorded', number>} */
  counts = { starts: 0, tokens: 0, keys: 0, rotations: 0, refused: 0, recorded: 0 }

  /** @param {{ dist: string, folder: string, isAudited?: boolean, isConfined?: boolean }} place */
  constructor({ dist, folder, isAudited = true, isConfined = false }) {
    this.#flags = isConfined ? confinement(dist, folder) : []
    this.#isAudited = isAudited
    this.#dist = dist
    this.#folder = folder
    const kek = spawnSync(process.execPath, [join(dist, 'server.js'), 'kek', join(folder, 'kek')])
    if (kek.status !== 0) throw new Error(`Cannot make a key-encryption key: ${kek.stderr}`)
  }

  /** Starts a server; undefined when it ended before it served, as it does when it is killed early. */
  start() {
    const at = (/** @type {string} */ name) => join(this.#folder, name)
    const args = ['--store', `file:${at('ring.json')}`, '--kek-file', at('kek'), '--admin', `unix:${at('admin')}`]
    if (this.#isAudited) args.push('--audit', at('audit.log'), '--audit-required', '--witness', at('witness'))
    this.events = []
    const child = spawn(process.execPath, [...this.#flags, WORKER, this.#dist, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    const exited = once(child, 'exit')
    let stderr = ''
    child.stderr.on('data', (chunk) => stderr += chunk)
    const listening = new Promise((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        const { event, url } = JSON.parse(line)
        this.events.push(event)
        if (event === 'key.promoted') this.counts.rotations += 1
        if (event === 'server.listening') resolve({ url, child, exited })
      })
    })
    const gone = once(child, 'close').then(([code, signal]) => {
      if (signal !== 'SIGKILL' && code !== 0) this.faults.push(`the server ended with ${code}: ${stderr.trim()}`)
    })
    this.#last = { child, gone }
    /** @type {Promise<Server | undefined>} */
    const served = Promise.race([listening, gone])
    return { child, exited, served }
  }

  /** Kills a server that still runs, and waits for its end: nothing may use the folder then. */
  async stop() {
    this.#last?.child.kill('SIGKILL')
    await this.#last?.gone
  }

  /** Checks that nothing is lost of what earlier servers have handed out. @param {Server} server */
  async inspect({ url }) {
    const { keys } = await getJson(`${url}/jwks.json`)
    const published = new Map(keys.map((/** @type {Jwk} */ jwk) => [jwk.kid, jwk]))
    const now = Date.now() / 1000
    const alive = this.#tokens.filter(({ exp }) => exp > now + 0.05)
    const broken = alive.filter(({ token }) => !verifies(token, published))
    if (broken.length > 0) this.faults.push(`${broken.length} of ${alive.length} tokens do not verify after the restart`)
    const { keys: history } = await getJson(`${url}/.well-known/jwks-history.json`)
    const known = new Set(history.map((/** @type {{ jwk: Jwk }} */ { jwk }) => jwk.kid))
    const lost = [...this.#kids].filter((kid) => !known.has(kid))
    if (lost.length > 0) this.faults.push(`${lost.length} of ${this.#kids.size} keys that were served are gone`)
    this.counts.starts += 1
    this.counts.tokens += alive.length
    this.counts.keys = Math.max(this.counts.keys, this.#kids.size)
    this.#tokens = alive
  }

  /**
   * Takes tokens and keys until the server is gone. It may refuse them while its view is stale, as it is under this
   * policy whenever the machine is busy for a tenth of a second: that is no loss.
   * @param {Server} server
   */
  async use({ url }) {
    try {
      for (let round = 0; ; round += 1) {
        const body = JSON.stringify({ alg: ALGS[round % ALGS.length] })
        const mint = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
        for (const request of [new Request(`${url}/auth`, mint), new Request(`${url}/jwks.json`)]) {
          const reply = await fetch(request)
          const { token, expiry, keys = [] } = /** @type {any} */ (await reply.json())
          if (reply.status === 200 && token !== undefined) {
            this.#tokens.push({ token, exp: expiry })
            this.#minted.push(JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString()).jti)
          }
          for (const { kid } of keys) this.#kids.add(kid)
          if (reply.status === 503) this.counts.refused += 1
          else if (reply.status !== 200) this.faults.push(`${request.url} answered ${reply.status}`)
        }
      }
    } catch (error) {
      // What fetch throws when nobody answers any more.
      if (!(error instanceof TypeError)) throw error
    }
  }

  /** Whether the audit log is whole, and has a record of each token that was handed out. @param {readonly string[]} options */
  checkAudit(...options) {
    const path = join(this.#folder, 'audit.log')
    const { status, stderr } = spawnSync(process.execPath, [join(this.#dist, 'server.js'), 'audit', 'verify', path, ...options])
    if (status !== 0) this.faults.push(`audit: ${String(stderr).trim()}`)
    const files = readdirSync(this.#folder).filter((name) => name.startsWith('audit.log') && name !== 'audit.log.lock')
    const log = files.map((name) => readFileSync(join(this.#folder, name), 'utf8')).join('')
    const recorded = new Set([...log.matchAll(/"jti":"([^"]+)"/g)].map(([, jti]) => jti))
    const unrecorded = this.#minted.filter((jti) => !recorded.has(jti))
    if (unrecorded.length > 0) this.faults.push(`audit: ${unrecorded.length} of ${this.#minted.length} tokens have no record`)
    this.counts.recorded = this.#minted.length
  }
}

/** How often a server is asked again that says 503: under this policy its view is stale after a tenth of a second. */
const TRIES = 40

/** @param {string} url */
async function getJson(url) {
  for (let attempt = 1; ; attempt += 1) {
    const reply = await fetch(url)
    if (reply.status === 200) return /** @type {any} */ (await reply.json())
    if (reply.status !== 503 || attempt === TRIES) throw new Error(`${url} answered ${reply.status}`)
    await pause(25)
  }
}

/** Verifies with node:crypto, not with our own code. @param {string} token @param {Map<string, any>} published */
function verifies(token, published) {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const { alg, kid } = JSON.parse(Buffer.from(header, 'base64url').toString())
  const jwk = published.get(kid)
  if (jwk === undefined) return false
  const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: /** @type {const} */ ('ieee-p1363') }
  return verify(alg === 'ES256' ? 'sha256' : null, Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'))
}
