import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { freePort } from '../support/free-port.js'

/** Replicas of the built server on one engine, which can be killed and paused. */

export const SERVER = fileURLToPath(new URL('../../dist/server.js', import.meta.url))
export const ISSUER = 'https://issuer.example'
const TIMING = {
  'rotation-interval': '16s', 'lead': '9s', 'retention': '9s', 'cache-layers': '1', 'propagation': '5s', 'clock-error': '0',
  'leeway': '0',
}
/** A replica that starts anew has any of these: so replicas are replaced by others with other algorithms and lengths. */
const VARIANTS = [
  ['--alg', 'ES256', '--jwks-max-age', '2s', '--ttl', '3s', '--max-ttl', '3s'],
  ['--alg', 'ES256,EdDSA', '--jwks-max-age', '1s', '--ttl', '2s', '--max-ttl', '2s'],
  ['--alg', 'EdDSA,ES256', '--jwks-max-age', '2s', '--ttl', '2s', '--max-ttl', '3s'],
]

/** @typedef {{ url: string, isUp: boolean, audit: string, start: () => Promise<void>, kill: (signal?: NodeJS.Signals) => Promise<void>, signal: (signal: NodeJS.Signals) => void }} Replica */

/**
 * The options by which a cluster with TLS and users is reached.
 * @param {import('./etcd.js').Cluster} cluster
 */
export function storeOptions({ hosts, folder }) {
  return [
    '--store', `etcds://${hosts}/jwksd/trial`, '--store-ca', join(folder, 'ca.crt'),
    '--store-cert', join(folder, 'client.crt'), '--store-key', join(folder, 'client.key'),
    '--store-user', 'jwksd', '--store-password-file', join(folder, 'password'),
  ]
}

/**
 * Makes the ring, and so many replicas that are not started yet; `hear` gets what each of them logs.
 * @param {{ folder: string, options: readonly string[] }} engine where the files are, and how the ring is reached
 * @param {number} count
 * @param {(line: Record<string, any>, replica: number) => void} hear
 * @param {readonly import('./etcd.js').Place[]} [machines] where the replicas run
 * @returns {Promise<Replica[]>}
 */
export async function makeReplicas({ folder: site, options }, count, hear, machines = []) {
  const kek = join(site, 'kek')
  spawnSync(process.execPath, [SERVER, 'kek', kek])
  const timing = Object.entries(TIMING).flatMap(([name, value]) => [`--${name}`, value])
  const shared = [...options, '--kek-file', kek, '--issuer', ISSUER, ...timing]
  const { status, stderr } = spawnSync(process.execPath, [SERVER, 'ring', 'create', ...shared, ...VARIANTS[0] ?? []])
  if (status !== 0) throw new Error(`jwksd ring create: ${stderr}`)
  const replicas = []
  for (let at = 0; at < count; at += 1) {
    const folder = join(site, `replica-${at}`)
    mkdirSync(folder, 0o700)
    const args = [...shared, '--clients', join(site, 'clients.json')]
    const place = machines[at] ?? { host: '127.0.0.1', by: [] }
    replicas.push(replicaOf(place, await freePort(), folder, args, (line) => hear(line, at)))
  }
  return replicas
}

/**
 * @param {import('./etcd.js').Place} place
 * @param {number} port
 * @param {string} folder
 * @param {readonly string[]} args
 * @param {(line: Record<string, any>) => void} hear
 * @returns {Replica}
 */
function replicaOf({ host, by }, port, folder, args, hear) {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  let child
  process.once('exit', () => child?.kill('SIGKILL'))
  const audit = join(folder, 'audit.log')
  const replica = {
    url: `http://${host}:${port}`, isUp: false, audit,
    start: async () => {
      const variant = VARIANTS[Math.floor(Math.random() * VARIANTS.length)] ?? []
      const [program = '', ...before] = [...by, process.execPath, SERVER]
      const own = spawn(program, [...before, '--host', host, '--port', String(port), '--audit', audit, ...args, ...variant], { stdio: ['ignore', 'pipe', 'pipe'] })
      child = own
      own.stderr?.on('data', (chunk) => hear({ event: 'stderr', text: String(chunk) }))
      await new Promise((resolve) => {
        own.once('exit', resolve)
        createInterface({ input: /** @type {import('node:stream').Readable} */ (own.stdout) }).on('line', (text) => {
          const line = JSON.parse(text)
          hear(line)
          if (line.event !== 'server.listening') return
          replica.isUp = true
          resolve(undefined)
        })
      })
    },
    kill: async (/** @type {NodeJS.Signals} */ signal = 'SIGKILL') => {
      replica.isUp = false
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
      child.kill(signal)
      await once(child, 'exit')
    },
    signal: (/** @type {NodeJS.Signals} */ signal) => void child?.kill(signal),
  }
  return replica
}
