import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { root } from '../setup.js'
import { call, checkSet, checkTokens } from './check.js'
import { record } from './measure.js'
import { mint } from './peers/mint.js'
import { CORES, Running } from './server.js'

/** @typedef {import('./peers.js').Peer} Peer */
/** A server that answers. @typedef {{ name: string, url: string, server: Running, jwks: string, mint?: NonNullable<Peer['mint']> }} Started */

const FIRST_PORT = 21_500
/** Milliseconds. */
const LONGEST_WAIT = 30_000
const SERVER = join(root, 'dist', 'server.js')

/** Waits until a set has so many keys: those that sign later are made while the server answers. @param {string} url @param {number} count */
async function whole(url, count) {
  for (let waited = 0; waited < LONGEST_WAIT; waited += 50) {
    /** @type {any} */
    const { keys } = await (await call(url)).json()
    if (keys.length === count) return
    await pause(50)
  }
  throw new Error(`${url} has not become a set of ${count} keys`)
}

/** The servers of one measurement, each pinned to its cores and checked once; and what they keep on disk. */
export class World {
  folder = mkdtempSync(join(tmpdir(), 'jwksd-bench-'))
  #port = FIRST_PORT
  /** @type {Set<Running>} */
  #running = new Set()
  /** @type {Set<Peer>} */
  #prepared = new Set()

  constructor() {
    // What measures shares a core with the load, not with the server.
    spawnSync('taskset', ['-a', '-c', '-p', CORES.load, String(process.pid)])
    process.once('exit', () => {
      for (const server of this.#running) server.kill()
      rmSync(this.folder, { recursive: true, force: true })
    })
    const pairs = {
      RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
      ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      EdDSA: generateKeyPairSync('ed25519'),
    }
    for (const [alg, { privateKey }] of Object.entries(pairs)) {
      const jwk = { ...privateKey.export({ format: 'jwk' }), kid: `bench-${alg}`, alg, use: 'sig' }
      writeFileSync(join(this.folder, `${alg}.json`), JSON.stringify(jwk))
    }
  }

  /** Where nothing listens yet. */
  port() {
    return this.#port += 1
  }

  /** A folder of its own. @param {string} name */
  newFolder(name) {
    const folder = join(this.folder, `${name}-${this.port()}`)
    mkdirSync(folder)
    return folder
  }

  /** @param {import('./server.js').Command} command @param {string} [cores] */
  run(command, cores = CORES.server) {
    const server = new Running(command, cores)
    this.#running.add(server)
    return server
  }

  /**
   * jwksd as it is built, with these options; its tokens verify under `alg`.
   * @param {string} alg @param {readonly string[]} [options] @param {{ cores?: string, preload?: string, env?: Record<string, string> }} [how] @returns {Promise<Started>}
   */
  async jwksd(alg, options = [], { cores, preload, env = {} } = {}) {
    const url = `http://127.0.0.1:${this.port()}`
    const args = [...preload === undefined ? [] : ['--import', preload], SERVER, '--port', String(this.#port), '--alg', alg, ...options]
    const server = this.run({ file: process.execPath, args, env }, cores)
    await server.ready(`${url}/jwks.json`)
    await whole(`${url}/jwks.json`, 2 * alg.split(',').length)
    const started = { name: 'jwksd', url, server, jwks: `${url}/jwks.json`, mint: { ...mint, path: '/auth' } }
    if (!options.includes('--clients')) await this.#check(started, alg.split(',')[0] ?? alg)
    return started
  }

  /** @param {Peer} peer @param {string} alg @returns {Promise<Started>} */
  async peer(peer, alg) {
    if (!this.#prepared.has(peer)) peer.prepare?.(this.folder)
    this.#prepared.add(peer)
    const port = this.port()
    const url = `http://127.0.0.1:${port}`
    const server = this.run(peer.command({ port, alg, folder: this.folder }))
    const jwks = url + peer.jwksPath
    await server.ready(jwks)
    const started = { name: peer.name, url, server, jwks, ...peer.mint && { mint: peer.mint } }
    await this.#check(started, alg)
    return started
  }

  /** Has `bare` and `raw` send what this URL answers, headers included. @param {string} url @param {string} alg */
  async fix(url, alg) {
    const { headers, body } = await record(url)
    writeFileSync(join(this.folder, `${alg}.body`), body)
    writeFileSync(join(this.folder, `${alg}.headers.json`), JSON.stringify(headers))
  }

  /** Ends servers; all of them when none is named. @param {readonly Running[]} [servers] */
  async end(servers = [...this.#running]) {
    await Promise.all(servers.map((server) => server.end()))
    for (const server of servers) this.#running.delete(server)
  }

  /** One answer of each kind must be right. @param {Started} started @param {string} alg */
  async #check({ name, url, jwks, mint }, alg) {
    try {
      const set = await (await call(jwks)).json()
      checkSet(set, alg)
      if (mint !== undefined) await checkTokens(mint, set, { alg, issuer: url })
    } catch (error) {
      throw new Error(`${name}, ${alg}: ${error instanceof Error ? error.message : error}`)
    }
  }
}
