import { spawn, spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { addClient } from '../front/servers.js'
import { freePort } from '../support/free-port.js'

/** The server under test: a file store, clients, an audit log, and a rotation every six seconds. */

const SERVER = fileURLToPath(new URL('../../dist/server.js', import.meta.url))
const TIMING = {
  'rotation-interval': '6s', 'lead': '3s', 'retention': '5s', 'jwks-max-age': '1s', 'ttl': '2s', 'max-ttl': '2s',
  'cache-layers': '1', 'propagation': '1s', 'clock-error': '0', 'leeway': '0',
}
/** How long a listening event or a promotion may take. */
const PATIENCE_MS = 20_000

/**
 * The path of the audit log of a worker, from 1.
 * @param {string} folder
 * @param {number} worker
 */
export const auditOf = (folder, worker) => join(folder, worker === 1 ? 'audit.log' : `audit.log.${worker}`)

/**
 * Makes a clients file: `billing` has a secret, `signer` a key.
 * @param {string} file
 */
export function makeClients(file) {
  const secret = addClient(file)
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = { ...publicKey.export({ format: 'jwk' }), kid: 'signer', alg: 'ES256' }
  const content = JSON.parse(readFileSync(file, 'utf8'))
  const [{ audiences, scope }] = content.clients
  const method = 'private_key_jwt'
  content.clients.push({
    client_id: 'signer', token_endpoint_auth_method: method, jwks: { keys: [key] }, audiences, scope,
  })
  replaceFile(file, content)
  return { secret, privateKey }
}

/**
 * Starts the built server. `events` grows by what it logs of keys, files and faults, never by refused clients.
 * @param {string} folder
 * @param {number} workers
 * @param {readonly string[]} more
 */
export async function startServer(folder, workers, more) {
  const kek = join(folder, 'ring.kek')
  if (!existsSync(kek)) spawnSync(process.execPath, [SERVER, 'kek', kek])
  const port = await freePort()
  const args = [
    '--port', String(port), '--workers', String(workers), '--alg', 'ES256', '--store', `file:${folder}/ring.json`,
    '--kek-file', kek, '--clients', join(folder, 'clients.json'), '--audit', auditOf(folder, 1),
    ...Object.entries(TIMING).flatMap(([name, value]) => [`--${name}`, value]), ...more,
  ]
  const child = spawn(process.execPath, [SERVER, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  // Whatever happens to this process, the server ends with it.
  process.once('exit', () => child.kill('SIGKILL'))
  const events = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (!line.includes('"event":"client.refused"')) events.push(JSON.parse(line))
  })
  const count = (name) => events.filter(({ event }) => event === name).length
  const until = async (isThere, what) => {
    for (let waited = 0; !isThere(); waited += 20) {
      if (waited > PATIENCE_MS || child.exitCode !== null) {
        throw new Error(`The server has not ${what}: ${JSON.stringify(events.filter(({ event }) => !event.startsWith("key.")).slice(-30))}`)
      }
      await sleep(20)
    }
  }
  await until(() => count('server.listening') === 1, 'begun to listen')
  await until(() => existsSync(auditOf(folder, workers)), 'started its last worker')
  return {
    url: `http://127.0.0.1:${port}`, port, events, count, until,
    hangUp: () => child.kill('SIGHUP'),
    /** Ends one worker in order, whose place another takes. @param {number} at */
    replaceWorker: (at) => process.kill(childrenOf(child.pid).at(at % workers) ?? child.pid, 'SIGTERM'),
    memory: () => [child.pid, ...childrenOf(child.pid)].reduce((sum, pid) => sum + residentMiB(pid), 0),
    async end() {
      child.kill('SIGTERM')
      return (await exited)[0]
    },
  }
}

/**
 * Writes JSON under another name and renames it, as `jwksd client add` does.
 * @param {string} file
 * @param {object} content
 */
export function replaceFile(file, content) {
  writeFileSync(`${file}.new`, JSON.stringify(content), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

/**
 * Verifies an audit log that has ended, with those that were moved before it, the oldest first.
 * @param {string} file
 * @param {readonly string[]} moved
 * @param {string} history
 */
export function verifyAudit(file, moved, history) {
  const before = moved.length === 0 ? [] : ['--before', moved.join(',')]
  const args = [SERVER, 'audit', 'verify', file, '--keys', history, ...before]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`audit verify ends with ${status}: ${stdout}${stderr}`.slice(0, 600))
  return stdout.split('\n')[0].replace(/^.*: /, '')
}

function childrenOf(pid) {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
}

function residentMiB(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024
}
