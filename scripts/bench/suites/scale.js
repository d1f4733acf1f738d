import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as pause } from 'node:timers/promises'
import { withBasic, writeAssertions, writeClients } from '../clients.js'
import { load } from '../load.js'
import { median, record } from '../measure.js'
import { CORES } from '../server.js'
import { fine, mebibytes, whole } from '../table.js'
import { jwksdCommand, startOf } from './process.js'

/** @typedef {import('../suite.js').Suite} Suite */
/** @typedef {import('../world.js').Started} Started */

const HOLD = fileURLToPath(new URL('../hold.js', import.meta.url))
const JSON_BODY = { headers: { 'content-type': 'application/json' }, body: '{"sub":"alice"}' }
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const cores = CORES.load

/** Tokens for which the server counts what it was asked. @param {Started} started @param {import('../load.js').Request} request @param {number} seconds */
async function costOf({ server }, request, seconds, connections = 64) {
  const before = server.cpu()
  const outcome = await load(request, { seconds, cores, connections })
  return { ...outcome, perCpu: outcome.requests / (server.cpu() - before) }
}

/** Connections that are held and say nothing, with a hundred among them that ask. @type {Suite} */
export async function connections(world, { rounds, progress }) {
  const started = await world.jwksd('RS256')
  const rows = []
  await load({ url: started.jwks }, { seconds: 5, cores })
  for (const count of [0, 1000, 10_000]) {
    progress(`${count} connections`)
    const holder = spawn('taskset', ['-c', cores, process.execPath, HOLD, started.jwks, String(count)], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(holder.stdout, 'data')
    const [before, from] = [started.server.cpu(), performance.now()]
    await pause(3000)
    const rest = (started.server.cpu() - before) / (performance.now() - from) * 1000
    const samples = []
    for (let round = 0; round < rounds; round += 1) samples.push(await costOf(started, { url: started.jwks }, 2, 100))
    rows.push([whole(count), mebibytes(started.server.memory()), `${(100 * rest).toFixed(1)} %`, whole(median(samples.map(({ perCpu }) => perCpu))), fine(median(samples.map(({ p99 }) => p99)))])
    holder.kill()
    await once(holder, 'exit')
  }
  await world.end()
  const note = 'Keep-alive connections that asked once and are held; 100 others ask for the set without a pause. At rest is what one core spends when nobody asks.'
  return { tables: [{ title: 'Connections', note, head: ['held connections', 'MiB', 'core at rest', 'answers per CPU second', 'p99 ms'], rows }], bars: [] }
}

/** A million tokens, used assertions up to their bound, and more failing clients than are remembered. @type {Suite} */
export async function tokens(world, { progress }) {
  const folder = world.newFolder('tokens')
  const minter = await world.jwksd('ES256')
  const mint = { url: `${minter.url}/auth`, method: 'POST', ...JSON_BODY }
  const rows = []
  let count = 0
  while (count < 1_000_000) {
    const wanted = count === 0 ? 100_000 : count + 300_000
    while (count < wanted) count += (await load(mint, { seconds: 10, cores })).requests
    progress(`${count} tokens`)
    rows.push([`${whole(count)} tokens`, mebibytes(minter.server.memory())])
  }
  await world.end()
  progress('assertions')
  const service = await world.jwksd('ES256', ['--clients', writeClients(folder)])
  const basic = withBasic(service.url)
  await load(basic, { seconds: 10, cores })
  rows.push(['/token, before the next lines', mebibytes(service.server.memory())])
  const bodies = join(folder, 'assertions')
  let used = 0
  let refused = 0
  while (refused === 0 && used < 200_000) {
    writeAssertions(bodies, service.url, 40_000)
    const { requests, failed } = await load({ url: `${service.url}/token`, method: 'POST', headers: FORM, bodies }, { seconds: 5, cores })
    used += requests
    refused = failed
    progress(`${used} assertions, ${failed} refused in the last 5 s`)
  }
  rows.push([`${whole(used - refused)} assertions used up, then refused with 503`, mebibytes(service.server.memory())])
  await world.end()
  const note = 'Resident memory, MiB, keys in memory. Used assertions and revoked tokens are remembered 100,000 at a time; what would be one too many is refused, for to forget one would be to take it twice.'
  return { tables: [{ title: 'Tokens', note, head: ['after', 'MiB'], rows }], bars: [] }
}

/** One algorithm and thirteen, one client and ten thousand. @type {Suite} */
export async function size(world, { rounds, progress }) {
  const { subtle } = globalThis.crypto
  const isNew = await subtle.generateKey(/** @type {any} */ ('ML-DSA-44'), false, ['sign', 'verify']).then(() => true, () => false)
  const many = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'Ed25519', 'EdDSA', ...isNew ? ['ML-DSA-44', 'ML-DSA-65'] : []]
  const rows = []
  for (const [name, algs, more] of /** @type {[string, string[], number][]} */ ([
    ['1 algorithm, 3 clients', ['ES256'], 0], [`${many.length} algorithms, 3 clients`, ['ES256', ...many.filter((alg) => alg !== 'ES256')], 0], ['1 algorithm, 10,003 clients', ['ES256'], 10_000],
  ])) {
    progress(name)
    const folder = world.newFolder('size')
    const clients = writeClients(folder, more)
    const options = ['--alg', algs.join(','), '--clients', clients, '--store', `file:${join(folder, 'ring.json')}`, '--unsealed']
    const starts = []
    for (let round = 0; round <= rounds; round += 1) {
      const port = world.port()
      starts.push(await startOf(world, jwksdCommand(port, options), `http://127.0.0.1:${port}/jwks.json`))
    }
    const started = await world.jwksd(algs.join(','), options.slice(2))
    const request = withBasic(started.url)
    await load(request, { seconds: 5, cores })
    const { body } = await record(started.jwks)
    const [sets, minted] = [[], []].map(() => /** @type {number[]} */ ([]))
    for (let round = 0; round < rounds; round += 1) {
      sets?.push((await costOf(started, { url: started.jwks }, 1)).perCpu)
      minted?.push((await costOf(started, request, 1)).perCpu)
    }
    rows.push([
      name, whole(body.length), fine(statSync(clients).size / 1024), fine(starts[0] ?? NaN), fine(median(starts.slice(1))), whole(median(sets ?? [])), whole(median(minted ?? [])), mebibytes(started.server.memory()),
    ])
    await world.end()
  }
  const note = 'File store; the first start makes the keys, the later ones (median) read them. RSA-2048 where RSA is among the algorithms; ES256 tokens by `client_secret_basic` for a client at the end of the file.'
  const head = ['configuration', 'set, bytes', 'clients file, KiB', 'first start ms', 'later starts ms', 'sets per CPU second', 'tokens per CPU second', 'MiB']
  return { tables: [{ title: 'Algorithms and clients', note, head, rows }], bars: [] }
}
