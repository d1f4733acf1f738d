import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { load } from '../load.js'
import { median } from '../measure.js'
import { CORES } from '../server.js'
import { fine } from '../table.js'

/** @typedef {import('../suite.js').Suite} Suite */
/** @typedef {import('../world.js').Started} Started */

const SECONDS = 4
/** 20 connections with 25 requests a second each. */
const PACE = ['-c', '20', '-q', '25']
const DELAY = fileURLToPath(new URL('../delay.js', import.meta.url))

/** Latencies in ms at a steady 500 requests a second. @param {string} url */
async function paced(url) {
  const child = spawn('taskset', ['-c', CORES.load, 'hey', '-z', `${SECONDS}s`, ...PACE, '-o', 'csv', url], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  for await (const chunk of child.stdout) output += chunk
  const rows = output.trim().split('\n').slice(1).map((line) => line.split(','))
  if (rows.length === 0 || rows.some((row) => row[6] !== '200')) throw new Error(`${url}: answers that are not 200`)
  const times = rows.map((row) => Number(row[0]) * 1000).toSorted((one, other) => one - other)
  return { p50: times[Math.floor(times.length * 0.5)] ?? NaN, p99: times[Math.floor(times.length * 0.99)] ?? NaN }
}

/** @param {Started} started @param {number} seconds */
function minting({ url, mint }, seconds) {
  return load({ url: url + mint?.path, method: 'POST', headers: mint?.headers ?? {}, body: mint?.body ?? '' }, { seconds, cores: CORES.load })
}

/** How long a JWK Set takes while tokens are minted as fast as the core allows. @type {Suite} */
export async function latency(world, { rounds, peers, progress }) {
  const peer = peers.find(({ name }) => name === 'jose')
  const servers = []
  const watched = async (/** @type {string} */ name, /** @type {string} */ alg, env = {}) => {
    const log = join(world.newFolder('delay'), 'log')
    writeFileSync(log, '')
    servers.push({ name, log, started: await world.jwksd(alg, [], { preload: DELAY, env: { DELAY_LOG: log, ...env } }) })
  }
  for (const alg of ['RS256', 'ES256']) {
    await watched(`jwksd, ${alg}`, alg)
    if (alg === 'RS256') await watched('the same with UV_THREADPOOL_SIZE=4', alg, { UV_THREADPOOL_SIZE: '4' })
    if (peer !== undefined) servers.push({ name: `jose, ${alg}`, log: undefined, started: await world.peer(peer, alg) })
  }
  const found = servers.map(({ name, log, started }) => ({ name, log, started, idle: /** @type {number[]} */ ([]), busy: /** @type {number[]} */ ([]), middle: /** @type {number[]} */ ([]), late: /** @type {number[]} */ ([]) }))
  for (const { started } of found) await minting(started, 3)
  for (let round = 1; round <= rounds; round += 1) {
    for (const each of found) {
      progress(`round ${round} of ${rounds}: ${each.name}`)
      each.idle.push((await paced(each.started.jwks)).p99)
      const before = each.log === undefined ? 0 : readFileSync(each.log, 'utf8').split('\n').length
      const [busy] = await Promise.all([paced(each.started.jwks), minting(each.started, SECONDS)])
      each.busy.push(busy.p99)
      each.middle.push(busy.p50)
      // The first second may have begun before the load.
      if (each.log !== undefined) each.late.push(...readFileSync(each.log, 'utf8').trim().split('\n').slice(before).map(Number))
    }
  }
  await world.end()
  const ratioOf = (/** @type {typeof found[number]} */ each) => median(each.busy.map((busy, at) => busy / (each.idle[at] ?? NaN)))
  const rows = found.map((each) => [each.name, fine(median(each.idle)), fine(median(each.middle)), fine(median(each.busy)), fine(ratioOf(each)), each.log === undefined ? '–' : fine(median(each.late))])
  const bars = found.filter(({ name }) => name.startsWith('jwksd')).flatMap((each) => [
    { what: `p99 of JWKS under saturated minting / p99 idle, ${each.name}`, bar: 4, figure: ratioOf(each), isMost: true },
    { what: `event-loop delay p99 under saturated minting, ms, ${each.name}`, bar: 5, figure: median(each.late), isMost: true },
  ])
  const note = `500 requests a second for the set (\`hey\`), alone and while 64 connections mint (\`wrk\`), one core for the server; ${SECONDS} s each.`
  return { tables: [{ title: 'Key set while tokens are minted', note, head: ['server', 'p99 idle ms', 'p50 busy ms', 'p99 busy ms', 'busy / idle', 'event loop late, p99 ms'], rows }], bars }
}

/** How long a token takes while keys are generated, one after the other. @type {Suite} */
export async function generation(world, { rounds, progress }) {
  const tables = []
  const bars = []
  const rows = []
  for (const threads of ['', '4', '1']) {
    const socketPath = join(world.newFolder('admin'), 'socket')
    const env = threads === '' ? {} : { UV_THREADPOOL_SIZE: threads }
    const started = await world.jwksd('ES256,RS256', ['--admin', `unix:${socketPath}`, '--retention', '1h'], { env }).catch(() =>
      world.jwksd('ES256,RS256', ['--admin', `unix:${socketPath}`], { env }))
    await minting(started, 3)
    const [idle, busy] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])]
    let keys = 0
    for (let round = 1; round <= rounds; round += 1) {
      progress(`round ${round} of ${rounds}: ${threads === '' ? 'usual' : threads} threads`)
      idle.push((await minting(started, 2)).p99)
      const made = minting(started, 2)
      const end = Date.now() + 1800
      while (Date.now() < end) {
        await rotate(socketPath)
        keys += 1
      }
      busy.push((await made).p99)
    }
    await world.end()
    const figure = median(busy.map((each, at) => each / (idle[at] ?? NaN)))
    rows.push([threads === '' ? 'the default' : threads, fine(median(idle)), fine(median(busy)), fine(figure), fine(keys / rounds / 2)])
    if (threads === '') bars.push({ what: 'p99 of minting while keys are generated / p99 without', bar: 3, figure, isMost: true })
  }
  tables.push({
    title: 'Tokens while keys are generated', note: 'ES256 tokens on 64 connections, while an operator rotates RSA-2048 without a pause; one core.',
    head: ['threads of the pool', 'p99 ms', 'p99 with generation ms', 'ratio', 'keys a second'], rows,
  })
  return { tables, bars }
}

/** Has a server make the next RSA key. @param {string} socketPath @returns {Promise<void>} */
function rotate(socketPath) {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path: '/rotate', method: 'POST', headers: { host: 'localhost', 'content-type': 'application/json' } }, (answer) => {
      answer.resume().on('end', () => answer.statusCode === 200 ? resolve() : reject(new Error(`rotate answered ${answer.statusCode}`)))
    })
    sent.on('error', reject).end(JSON.stringify({ alg: ['RS256'], force: true, reason: 'benchmark' }))
  })
}
