import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseConfig } from '../../dist/config/config.js'
import { openStores } from '../../dist/stores/open.js'
import { addUsers, startCluster } from './etcd.js'
import { kubernetesOptions, startKubernetes, whyNoKubernetes } from './kubernetes.js'
import { storeOptions } from './replicas.js'

/**
 * What a change of the ring and a used identifier cost on three members of etcd, on an API server of Kubernetes where there is
 * one, and on the file store beside them.
 */

const [COMMITS, MARKS] = [200, 2000]
const DOCUMENT = 'x'.repeat(6000)

const cluster = await startCluster({ size: 3, tls: true })
await addUsers(cluster)
writeFileSync(join(cluster.folder, 'password'), 'right', { mode: 0o600 })
const kubernetes = whyNoKubernetes() === undefined ? await startKubernetes() : undefined
await kubernetes?.makeSecrets('ring')
const folder = mkdtempSync(join(tmpdir(), 'jwksd-cost-'))

/** @param {readonly string[]} args */
async function storesOf(args) {
  const parsed = parseConfig({ args: [...args, '--unsealed'], env: {}, inFile: () => [] })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
  return await openStores(parsed.value.config, { randomBytes: (length) => randomBytes(length), mayCreate: true })
}

/** @param {number[]} times @param {number} share */
const at = (times, share) => (times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? NaN).toFixed(1)

/**
 * Does a task so many times, some at once.
 * @param {number} count
 * @param {number} atOnce
 * @param {(at: number) => Promise<unknown>} task
 */
async function time(count, atOnce, task) {
  /** @type {number[]} */
  const times = []
  let next = 0
  const begun = performance.now()
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (next < count) {
      const [one, start] = [next++, performance.now()]
      await task(one)
      times.push(performance.now() - start)
    }
  }))
  return { perSecond: Math.round(count / (performance.now() - begun) * 1000), p50: at(times, 0.5), p99: at(times, 0.99) }
}

console.log('| store | what | at once | a second | p50 ms | p99 ms |')
console.log('| --- | --- | ---: | ---: | ---: | ---: |')
const stores = [
  ['etcd', storeOptions(cluster)], ['file', ['--store', `file:${join(folder, 'ring.json')}`]],
  ...kubernetes === undefined ? [] : [['Kubernetes', kubernetesOptions(kubernetes, 'ring', await kubernetes.makeAccount('keys', ['ring']))]],
]
for (const [name, args] of stores) {
  const { ring, openJtis } = await storesOf(/** @type {string[]} */ (args))
  const jtis = await openJtis({ now: () => /** @type {any} */ (Date.now() / 1000), clockError: /** @type {any} */ (60) })
  /** @type {any} */
  let version
  const row = (/** @type {string} */ what, /** @type {number} */ atOnce, /** @type {{ perSecond: number, p50: string, p99: string }} */ { perSecond, p50, p99 }) =>
    console.log(`| ${name} | ${what} | ${atOnce} | ${perSecond.toLocaleString('en')} | ${p50} | ${p99} |`)
  row('read and replace the ring', 1, await time(COMMITS, 1, async (one) => {
    await ring.load()
    const replaced = await ring.replace(`${one}${DOCUMENT}`, version)
    if (!replaced.ok) throw new Error('a writer alone met a conflict')
    version = replaced.value
  }))
  for (const atOnce of [1, 32]) {
    const until = /** @type {any} */ (Date.now() / 1000 + 300)
    row('a used identifier', atOnce, await time(MARKS, atOnce, (one) => jtis.use({ client: String(one % 50), id: `${atOnce} ${one}`, until })))
  }
}
await cluster.end()
await kubernetes?.end()
rmSync(folder, { recursive: true })
