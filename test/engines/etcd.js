import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../support/free-port.js'

/** Clusters of real etcd on this machine, whose members can be killed and paused. */

/**
 * @typedef {{ host: string, by: readonly string[] }} Place an address, and the command that starts programs there
 * @typedef {{ url: string, start: () => Promise<void>, kill: () => Promise<void>, pause: () => void, resume: () => void }} Member
 * @typedef {{ hosts: string, folder: string, members: Member[], call: (path: string, body: object) => Promise<any>, end: () => Promise<void> }} Cluster
 */

/** Why no etcd can be started here; undefined if one can. */
export function whyNoEtcd() {
  return spawnSync('etcd', ['--version']).status === 0 ? undefined : 'etcd is not installed (Debian: etcd-server)'
}

/**
 * Starts a cluster, and waits until it has a leader.
 * @param {{ size?: number, tls?: boolean, flags?: readonly string[], machines?: readonly Place[] }} [options] `machines`: where the members run
 * @returns {Promise<Cluster>}
 */
export async function startCluster({ size = 1, tls = false, flags = [], machines = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'jwksd-etcd-'))
  if (tls) makeCertificates(folder, machines)
  const scheme = tls ? 'https' : 'http'
  /** @type {{ name: string, url: string, peer: string, by: readonly string[] }[]} */
  const places = []
  for (let at = 0; at < size; at += 1) {
    const { host, by } = machines[at] ?? { host: '127.0.0.1', by: [] }
    places.push({ name: `m${at}`, url: `${scheme}://${host}:${await freePort()}`, peer: `http://${host}:${await freePort()}`, by })
  }
  const cluster = places.map(({ name, peer }) => `${name}=${peer}`).join(',')
  const secure = tls
    ? ['--cert-file', join(folder, 'server.crt'), '--key-file', join(folder, 'server.key'), '--trusted-ca-file', join(folder, 'ca.crt'), '--client-cert-auth']
    : []
  const members = places.map(({ name, url, peer, by }) => memberOf(url, [
    ...by, 'etcd',
    '--name', name, '--data-dir', join(folder, name), '--listen-client-urls', url, '--advertise-client-urls', url,
    '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', cluster,
    '--heartbeat-interval', '50', '--election-timeout', '500', '--logger', 'zap', '--log-outputs', '/dev/null', ...secure, ...flags,
  ]))
  await Promise.all(members.map((member) => member.start()))
  const call = async (/** @type {string} */ path, /** @type {object} */ body) => {
    const shown = tls ? ['--cacert', join(folder, 'ca.crt'), '--cert', join(folder, 'client.crt'), '--key', join(folder, 'client.key')] : []
    const { stdout } = spawnSync('curl', ['-sS', '--max-time', '5', ...shown, '-d', JSON.stringify(body), `${places[0]?.url}${path}`])
    return JSON.parse(stdout.toString() || '{}')
  }
  // A leader answers within a second or so.
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await call('/v3/kv/range', { key: 'YQ==' })).header !== undefined) break
    await pause(100)
  }
  return {
    hosts: places.map(({ url }) => new URL(url).host).join(','), folder, members, call,
    end: async () => {
      await Promise.all(members.map((member) => member.kill()))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A program that can be killed and paused. @param {string} url @param {readonly string[]} command @returns {Member} */
export function memberOf(url, [program = '', ...args]) {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  let child
  return {
    url,
    start: async () => {
      child = spawn(program, args, { stdio: 'ignore' })
      await pause(100)
    },
    kill: async () => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
  }
}

/** An authority, a server certificate for this machine, and client certificates without and with a common name. */
export function makeCertificates(/** @type {string} */ folder, /** @type {readonly Place[]} */ machines) {
  const openssl = (/** @type {string[]} */ ...args) => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: folder })
    if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`)
  }
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl('req', '-x509', ...ec, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2', '-subj', '/CN=test authority')
  const certify = (/** @type {string} */ name, /** @type {string} */ subject, /** @type {string} */ extensions) => {
    writeFileSync(join(folder, `${name}.ext`), extensions)
    openssl('req', ...ec, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject)
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-out', `${name}.crt`, '-days', '2', '-extfile', `${name}.ext`)
  }
  certify('server', '/O=etcd', `subjectAltName=IP:127.0.0.1,DNS:localhost${machines.map(({ host }) => `,IP:${host}`).join('')}`)
  certify('client', '/O=jwksd', 'extendedKeyUsage=clientAuth')
  certify('named', '/CN=jwksd', 'extendedKeyUsage=clientAuth')
}

/** Makes a user with a password who may read and write below a prefix, and turns users on. @param {Cluster} cluster */
export async function addUsers({ call }, prefix = 'jwksd/') {
  const base64 = (/** @type {string} */ text) => Buffer.from(text).toString('base64')
  const end = `${prefix.slice(0, -1)}${String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)}`
  await call('/v3/auth/user/add', { name: 'root', password: 'root' })
  await call('/v3/auth/user/add', { name: 'jwksd', password: 'right' })
  await call('/v3/auth/user/add', { name: 'other', password: 'right' })
  for (const role of ['root', 'keys']) await call('/v3/auth/role/add', { name: role })
  await call('/v3/auth/role/grant', { name: 'keys', perm: { permType: 'READWRITE', key: base64(prefix), range_end: base64(end) } })
  await call('/v3/auth/user/grant', { user: 'root', role: 'root' })
  await call('/v3/auth/user/grant', { user: 'jwksd', role: 'keys' })
  await call('/v3/auth/enable', {})
}
