import { get } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { root } from '../../setup.js'
import { load } from '../load.js'
import { interleave, median, openssl, ratio, requests } from '../measure.js'
import { CORES } from '../server.js'
import { fine, mebibytes, whole } from '../table.js'

/** @typedef {import('../suite.js').Suite} Suite */
/** @typedef {import('../server.js').Command} Command */

const SERVER = join(root, 'dist', 'server.js')
const STARTS = 15
const LOAD = 60

/** Milliseconds from the start of a program to its first 200. @param {import('../world.js').World} world @param {Command} command @param {string} url */
export async function startOf(world, command, url) {
  const from = performance.now()
  const server = world.run(command)
  while (!await isThere(url)) await pause(1)
  const took = performance.now() - from
  await world.end([server])
  return took
}

/** @param {string} url @returns {Promise<boolean>} */
function isThere(url) {
  return new Promise((resolve) => {
    get(url, { agent: false }, (answer) => resolve(answer.resume().statusCode === 200)).on('error', () => resolve(false))
  })
}

/** jwksd as a command. @param {number} port @param {readonly string[]} options @returns {Command} */
export function jwksdCommand(port, options) {
  return { file: process.execPath, args: [SERVER, '--port', String(port), ...options] }
}

/** From the start of the process to the first 200. @type {Suite} */
export async function start(world, { peers, progress }) {
  const bare = peers.find(({ name }) => name === 'bare')
  if (bare === undefined) throw new Error('The peer bare is missing')
  const folder = world.newFolder('start')
  const store = ['--store', `file:${join(folder, 'ring.json')}`, '--unsealed']
  const stored = await world.jwksd('RS256', store)
  await world.fix(stored.jwks, 'RS256')
  await world.end()
  /** @type {[string, (port: number) => Command][]} */
  const kinds = [
    ['bare `node:http`', (port) => bare.command({ port, alg: 'RS256', folder: world.folder })],
    ['jwksd, stored RS256 keys', (port) => jwksdCommand(port, store)],
    ['jwksd, ES256 keys made in memory', (port) => jwksdCommand(port, ['--alg', 'ES256'])],
    ['jwksd, RS256 keys made in memory', (port) => jwksdCommand(port, [])],
  ]
  const times = new Map(kinds.map(([name]) => [name, /** @type {number[]} */ ([])]))
  for (let round = 1; round <= STARTS; round += 1) {
    progress(`start ${round} of ${STARTS}`)
    for (const [name, command] of kinds) {
      const port = world.port()
      times.get(name)?.push(await startOf(world, command(port), `http://127.0.0.1:${port}/jwks.json`))
    }
  }
  const plain = times.get('bare `node:http`') ?? []
  const toBare = (/** @type {readonly number[]} */ list) => median(list.map((time, at) => time / (plain[at] ?? NaN)))
  const rows = [...times].map(([name, list]) => [name, fine(median(list)), fine(Math.min(...list)), fine(toBare(list))])
  const bars = [{ what: 'start to first 200, stored keys / a bare `node:http` program', bar: 1.5, figure: toBare(times.get('jwksd, stored RS256 keys') ?? []), isMost: true }]
  return { tables: [{ title: 'Start to the first 200', note: `Medians of ${STARTS}.`, head: ['program', 'ms', 'best', 'to bare'], rows }], bars }
}

/** Resident memory at rest, after load, and over minutes. @type {Suite} */
export async function memory(world, { peers, minutes, progress }) {
  const bare = peers.find(({ name }) => name === 'bare')
  if (bare === undefined) throw new Error('The peer bare is missing')
  const ours = await world.jwksd('RS256')
  await world.fix(ours.jwks, 'RS256')
  const fixed = await world.peer(bare, 'RS256')
  const minter = await world.jwksd('ES256')
  await pause(2000)
  const idle = [ours, fixed, minter].map(({ server }) => server.memory())
  progress(`${LOAD} s of load on each of three`)
  for (const { jwks } of [ours, fixed]) await load({ url: jwks }, { seconds: LOAD, cores: CORES.load })
  const mint = { url: `${minter.url}/auth`, method: 'POST', headers: minter.mint?.headers ?? {}, body: minter.mint?.body ?? '' }
  let count = (await load(mint, { seconds: LOAD, cores: CORES.load })).requests
  const after = [ours, fixed, minter].map(({ server }) => server.memory())
  const flat = []
  for (let minute = 1; minute < minutes; minute += 1) {
    progress(`minute ${minute} of ${minutes - 1} of minting`)
    count += (await load(mint, { seconds: 60, cores: CORES.load })).requests
    flat.push(minter.server.memory())
  }
  await world.end()
  const rows = ['jwksd, key set', 'bare, the same', 'jwksd, ES256 tokens'].map((name, at) => [name, mebibytes(idle[at] ?? NaN), mebibytes(after[at] ?? NaN)])
  const long = flat.map((bytes, at) => [`minute ${at + 2}`, mebibytes(bytes)])
  const bars = [{ what: 'resident memory after 60 s of load / bare after the same', bar: 1.3, figure: (after[0] ?? NaN) / (after[1] ?? NaN), isMost: true }]
  return {
    tables: [
      { title: 'Resident memory', note: `MiB, at rest and after ${LOAD} s at full speed.`, head: ['server', 'at rest', 'after load'], rows },
      ...long.length === 0 ? [] : [{ title: 'Resident memory while tokens are minted', note: `MiB; ${whole(count)} ES256 tokens in ${minutes} minutes.`, head: ['after', 'MiB'], rows: long }],
    ],
    bars,
  }
}

/** One process and two, on both cores, with the load beside them. @type {Suite} */
export async function workers(world, { rounds, how, progress }) {
  const both = `${CORES.server},${CORES.load}`
  const of = (/** @type {string} */ count, /** @type {string} */ cores) =>
    world.jwksd('RS256', ['--workers', count, '--store', `file:${join(world.newFolder('workers'), 'ring.json')}`, '--unsealed'], { cores })
  const [one, two] = [await of('1', CORES.server), await of('2', CORES.server)]
  const [single, pair] = [await of('1', both), await of('2', both)]
  await pause(2000)
  const cells = [
    requests('key set, 1 worker', one.server, { url: one.jwks }, how),
    requests('key set, 2 workers', two.server, { url: two.jwks }, how),
    requests('RS256 tokens, 1 worker', single.server, { url: `${single.url}/auth`, method: 'POST' }, how),
    requests('RS256 tokens, 2 workers', pair.server, { url: `${pair.url}/auth`, method: 'POST' }, how),
    openssl('RS256', how.seconds),
  ]
  const figures = await interleave(cells, rounds, progress)
  await world.end()
  const signing = figures.get('openssl RS256')
  const twice = (/** @type {string} */ name) =>
    median((figures.get(name)?.samples ?? []).map(({ rate }, at) => rate / (2 * (signing?.samples[at]?.perCpu ?? NaN))))
  const rows = [...figures].map(([name, each]) => [name, whole(each.perCpu), whole(each.rate), fine(each.p50), fine(each.p99), mebibytes(each.memory)])
  const bars = [
    { what: 'JWKS per server CPU second, `--workers 2` / 1', bar: 0.95, figure: ratio(figures.get('key set, 2 workers'), figures.get('key set, 1 worker')) },
    { what: 'mint RS256, two cores, 1 worker / twice `openssl speed` (load beside it)', bar: 0.75, figure: twice('RS256 tokens, 1 worker') },
    { what: 'mint RS256, two cores, 2 workers / twice `openssl speed` (load beside it)', bar: 0.75, figure: twice('RS256 tokens, 2 workers') },
  ]
  const note = 'Key set: all workers on one core, the load on the other. Tokens: both cores, with the load beside them, which RSA leaves room for; one process signs on both, in its thread pool.'
  return { tables: [{ title: 'Workers', note, head: ['workload', 'answers per CPU second', 'per second', 'p50 ms', 'p99 ms', 'MiB'], rows }], bars }
}
