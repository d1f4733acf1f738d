import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeClients } from '../soak/server.js'
import { addUsers, startCluster, whyNoEtcd } from './etcd.js'
import { kubernetesOptions, startKubernetes, whyNoKubernetes } from './kubernetes.js'
import { makeNetwork, partitions, whyNoNetwork } from './network.js'
import { makeReplicas, SERVER, storeOptions } from './replicas.js'
import { trade } from './traffic.js'

/**
 * Three replicas on three members of etcd, with TLS and users, while members and replicas are killed and paused; with
 * `--kubernetes` on two API servers, with RBAC, over one etcd, and the token is replaced too. What is
 * looked for: a token that does not verify, an assertion that is accepted twice or by nobody, a revoked token that is
 * active, a key that two replicas promoted or that is lost. `--minutes N` sets how long; two by default. `--partitions` puts
 * each of the six on a machine of its own, and cuts what lies between them.
 */

const { values: { minutes, partitions: isNetwork, kubernetes: isKubernetes } } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' }, partitions: { type: 'boolean', default: false }, kubernetes: { type: 'boolean', default: false },
  },
})
const noNetwork = isNetwork ? whyNoNetwork() : undefined
if (noNetwork !== undefined) {
  console.log(`skipped: ${noNetwork}`)
  console.log('0 passed, 0 failed')
  process.exit(0)
}
const reason = isKubernetes ? whyNoKubernetes() : whyNoEtcd()
if (reason !== undefined) {
  console.error(`engines: ${reason}`)
  process.exit(1)
}
const until = Date.now() + Number(minutes) * 60_000
const isOver = () => Date.now() > until
const network = isNetwork ? makeNetwork(6) : undefined
const kubernetes = isKubernetes ? await startKubernetes(2) : undefined
const cluster = kubernetes === undefined ? await etcdCluster() : await kubernetesCluster(kubernetes)
const credentials = makeClients(join(cluster.folder, 'clients.json'))

/** @type {Map<string, number>} */
const promoted = new Map()
/** @type {string[]} */
const said = []
/** @type {Record<string, number>} */
const events = {}
const replicas = await makeReplicas(cluster, 3, ({ event, kid, text, code, detail }, at) => {
  events[event] = (events[event] ?? 0) + 1
  if (event === 'key.promoted') promoted.set(kid, (promoted.get(kid) ?? 0) + 1)
  if (event === 'stderr' || event === 'internal.error' || (event === 'store.failed' && code !== 'store_unavailable')) said.push(`replica ${at}: ${event} ${text ?? detail}`)
}, network?.places.slice(3))
await Promise.all(replicas.map((replica) => replica.start()))

const random = (/** @type {number} */ least, /** @type {number} */ most) => least + Math.random() * (most - least)
const one = (/** @type {readonly any[]} */ of) => of[Math.floor(Math.random() * of.length)]
/** @type {Record<string, () => Promise<void>>} */
const FAULTS = network !== undefined ? partitions(network, 3, 3) : {
  'member killed': async () => {
    const member = one(cluster.members)
    await member.kill()
    await sleep(random(500, 2500))
    await member.start()
  },
  'member paused': async () => {
    const member = one(cluster.members)
    member.pause()
    await sleep(random(500, 3000))
    member.resume()
  },
  'replica killed': async () => {
    const replica = one(replicas)
    await replica.kill()
    await sleep(random(0, 1000))
    await replica.start()
  },
  'replica paused': async () => {
    const replica = one(replicas)
    replica.signal('SIGSTOP')
    await sleep(random(500, 8000))
    replica.signal('SIGCONT')
  },
  'all members killed': async () => {
    await Promise.all(cluster.members.map((member) => member.kill()))
    await sleep(random(5000, 15_000))
    await Promise.all(cluster.members.map((member) => member.start()))
    await sleep(3000)
  },
}
if (kubernetes !== undefined) {
  FAULTS['etcd paused'] = async () => {
    const [member] = kubernetes.etcd.members
    member?.pause()
    await sleep(random(500, 3000))
    member?.resume()
  }
  FAULTS['token replaced'] = async () => {
    writeFileSync(join(kubernetes.folder, 'keys.token'), 'rubbish', { mode: 0o600 })
    await sleep(random(0, 500))
    await kubernetes.renew('keys')
  }
}
/** @type {Record<string, number>} */
const done = {}
const trouble = async () => {
  const names = Object.keys(FAULTS)
  // Most faults leave a majority.
  for (let at = 1; Date.now() < until - 25_000; at += 1) {
    const name = isNetwork ? one(names) : at % 12 === 0 ? 'all members killed' : one(names.filter((one) => one !== 'all members killed'))
    done[name] = (done[name] ?? 0) + 1
    await FAULTS[name]?.()
    for (const replica of replicas) if (!replica.isUp) await replica.start()
    await sleep(random(1500, 4000))
  }
}
const [{ counts, faults, kids }] = await Promise.all([trade(replicas, credentials, isOver), trouble()])

// Everything is there again: every replica is ready, and no key that signed is unheard of.
for (const { url } of replicas) {
  const { status } = await fetch(`${url}/readyz`).catch(() => ({ status: 0 }))
  if (status !== 200) faults.push(`/readyz answers ${status} at the end`)
}
const { keys } = await (await fetch(`${replicas[0]?.url}/.well-known/jwks-history.json`)).json()
const known = new Set(keys.map((/** @type {any} */ key) => key.kid ?? key.jwk?.kid))
for (const kid of kids) if (!known.has(kid)) faults.push(`the key ${kid} is lost`)
for (const [kid, times] of promoted) if (times > 1) faults.push(`the key ${kid} was promoted ${times} times`)
await Promise.all(replicas.map((replica) => replica.kill('SIGTERM')))
for (const { audit } of replicas) {
  const { status, stderr } = spawnSync(process.execPath, [SERVER, 'audit', 'verify', audit], { encoding: 'utf8' })
  if (status !== 0) faults.push(stderr.trim())
}
await cluster.end()
const show = (/** @type {object} */ of) => Object.entries(of).map(([name, count]) => `${name} ${count}`).join(', ')
console.log(`faults: ${show(done)}`)
console.log(`seen: ${show(counts)}, keys that signed ${kids.size}, promotions ${promoted.size}`)
console.log(`logged: ${show(events)}`)
for (const line of [...faults, ...said].slice(0, 40)) console.log(`    ${line}`)
const failed = faults.length + said.length
console.log(`${failed === 0 ? 1 : 0} passed, ${failed === 0 ? 0 : 1} failed`)
process.exitCode = failed === 0 ? 0 : 1

/** Three members of etcd with TLS and users. */
async function etcdCluster() {
  const etcd = await startCluster({ size: 3, tls: true, machines: network?.places ?? [] })
  await addUsers(etcd)
  writeFileSync(join(etcd.folder, 'password'), 'right', { mode: 0o600 })
  return { ...etcd, options: storeOptions(etcd) }
}

/** An empty ring, and an account that may use it. @param {import('./kubernetes.js').Kubernetes} servers */
async function kubernetesCluster(servers) {
  await servers.makeSecrets('ring')
  return { ...servers, options: kubernetesOptions(servers, 'ring', await servers.makeAccount('keys', ['ring'])) }
}
