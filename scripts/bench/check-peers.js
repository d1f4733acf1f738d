import { spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { install, root } from '../setup.js'
import { peers } from './peers.js'

/**
 * `node scripts/bench/check-peers.js [NAME...]`: starts each peer for each algorithm, fetches its key set, and verifies
 * two of its tokens with jose; exits with 1 if one fails. Peers whose programs are not installed are named.
 */

install(join(root, 'scripts', 'bench'))
// @ts-ignore It is installed for the benchmark alone.
const { createLocalJWKSet, jwtVerify } = await import('jose')

const FIRST_PORT = 21_500
const READY_WITHIN = 10_000
const END_WITHIN = 5_000
const LIFETIME = 900
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']

const pause = (/** @type {number} */ length) => new Promise((resolve) => setTimeout(resolve, length))
const call = (/** @type {string} */ url, /** @type {RequestInit} */ init = {}) =>
  fetch(url, { ...init, signal: AbortSignal.timeout(5_000) })

/** @param {string} folder */
function writeKeys(folder) {
  const pairs = {
    RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    EdDSA: generateKeyPairSync('ed25519'),
  }
  for (const [alg, { privateKey }] of Object.entries(pairs)) {
    const jwk = { ...privateKey.export({ format: 'jwk' }), kid: `check-${alg}`, alg, use: 'sig' }
    writeFileSync(join(folder, `${alg}.json`), JSON.stringify(jwk))
  }
}

/**
 * The first answer of 200.
 * @param {string} url
 * @param {import('node:child_process').ChildProcess} server
 */
async function ready(url, server) {
  const end = Date.now() + READY_WITHIN
  while (Date.now() < end) {
    if (server.exitCode !== null) throw new Error(`it ended with ${server.exitCode}`)
    const response = await call(url).catch(() => undefined)
    if (response?.status === 200) return response
    await pause(50)
  }
  throw new Error(`it was not ready within ${READY_WITHIN / 1000} s`)
}

/**
 * The jti of a token that is as it should be.
 * @param {string} token
 * @param {any} set
 * @param {{ alg: string, issuer: string }} expected
 */
async function verify(token, set, { alg, issuer }) {
  const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(set), {
    issuer, audience: 'api', subject: 'alice', algorithms: [alg], requiredClaims: ['iat', 'nbf', 'exp', 'jti'],
  })
  if (protectedHeader.kid !== set.keys[0].kid) throw new Error(`the kid of the token is ${protectedHeader.kid}`)
  if (payload.exp - payload.iat !== LIFETIME) throw new Error(`it lives for ${payload.exp - payload.iat} s`)
  if (payload.aud !== 'api') throw new Error('aud is no plain string')
  if (payload.jti.length < 22) throw new Error(`jti is ${payload.jti}`)
  return payload.jti
}

/**
 * Throws unless the set holds one public key and nothing private.
 * @param {any} set
 * @param {string} alg
 */
function checkSet({ keys }, alg) {
  const [key] = keys
  const isRight = keys.length === 1 && key.kid === `check-${alg}` && key.alg === alg
  if (!isRight) throw new Error(`the set is ${JSON.stringify(keys)}`)
  if (PRIVATE.some((name) => name in key)) throw new Error('the set holds a private key')
}

/**
 * Mints twice at one that runs.
 * @param {NonNullable<import('./peers.js').Peer['mint']>} mint
 * @param {any} set
 * @param {{ alg: string, issuer: string }} expected
 */
async function checkTokens({ path, headers, body, token }, set, expected) {
  const ids = new Set()
  for (let count = 0; count < 2; count += 1) {
    const response = await call(`${expected.issuer}${path}`, { method: 'POST', headers, body })
    if (response.status !== 200) throw new Error(`POST ${path} answered ${response.status}: ${await response.text()}`)
    /** @type {any} */
    const answer = await response.json()
    if (answer.expires_in !== LIFETIME) throw new Error(`expires_in is ${answer.expires_in}`)
    ids.add(await verify(token(answer), set, expected))
  }
  if (ids.size !== 2) throw new Error('two tokens have one jti')
}

/**
 * Ends a server; throws if it does not go, or leaves something behind that listens.
 * @param {import('node:child_process').ChildProcess} server
 * @param {string} url
 */
async function end(server, url) {
  if (server.exitCode !== null || server.signalCode !== null) return
  const gone = once(server, 'exit').then(() => true)
  server.kill('SIGTERM')
  if (!await Promise.race([gone, pause(END_WITHIN).then(() => false)])) {
    server.kill('SIGKILL')
    throw new Error(`it did not end within ${END_WITHIN / 1000} s of SIGTERM`)
  }
  if (await call(url).then(() => true, () => false)) throw new Error('something still listens after its end')
}

/**
 * What was found to be in order, for one line.
 * @param {import('./peers.js').Peer} peer
 * @param {{ port: number, alg: string, folder: string }} place
 */
async function check(peer, place) {
  const issuer = `http://127.0.0.1:${place.port}`
  const { file, args, env } = peer.command(place)
  const server = spawn(file, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit'] })
  try {
    const answer = await ready(`${issuer}${peer.jwksPath}`, server)
    /** @type {any} */
    const set = await answer.json()
    checkSet(set, place.alg)
    if (peer.mint === undefined) return 'key set read; it mints nothing'
    await checkTokens(peer.mint, set, { alg: place.alg, issuer })
    return 'key set read, tokens verified'
  } finally {
    await end(server, `${issuer}${peer.jwksPath}`)
  }
}

const folder = mkdtempSync(join(tmpdir(), 'jwksd-bench-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
writeKeys(folder)
const names = process.argv.slice(2)
let port = FIRST_PORT
for (const peer of peers.filter(({ name }) => names.length === 0 || names.includes(name))) {
  const reason = peer.missing()
  if (reason !== undefined) {
    console.log(`${peer.name}: left out, ${reason}`)
    continue
  }
  console.log(`${peer.name}: ${peer.versions()}`)
  peer.prepare?.(folder)
  for (const alg of peer.algs.length === 0 ? ['RS256'] : peer.algs) {
    port += 1
    try {
      console.log(`  ${alg} ok: ${await check(peer, { port, alg, folder })}`)
    } catch (error) {
      console.log(`  ${alg} FAILED: ${error instanceof Error ? error.message : error}`)
      process.exitCode = 1
    }
  }
}
