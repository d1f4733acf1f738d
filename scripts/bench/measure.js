import { spawnSync } from 'node:child_process'
import { get } from 'node:http'
import { load } from './load.js'
import { CORES } from './server.js'

/** @typedef {import('./server.js').Running} Running */
/** @typedef {import('./load.js').Request} Request */

/**
 * One thing that is measured again in each round.
 * @typedef {object} Cell
 * @property {string} name
 * @property {() => Promise<unknown>} [warm] Before the first round.
 * @property {() => Promise<Sample>} sample
 */

/**
 * What one round found: answers per second of processor time of the server, and per second; latencies in milliseconds.
 * @typedef {{ perCpu: number, rate: number, p50?: number, p99?: number, memory?: number }} Sample
 */

/** What many rounds found. @typedef {{ perCpu: number, best: number, rate: number, p50: number, p99: number, memory: number, samples: readonly Sample[] }} Figures */

/**
 * A request to a running server, over and over; every answer must have the length of the first one, give or take what
 * a token varies by. `prepare` makes what so many seconds need; `lead` are seconds of load before a sample, since processor
 * caches have forgotten a server that rested.
 * @param {string} name @param {Running} server @param {Request} request
 * @param {{ seconds: number, warm?: number, connections?: number, cores?: string, lead?: number, prepare?: (seconds: number) => Promise<void> }} how @returns {Cell}
 */
export function requests(name, server, request, { seconds, warm = WARM, connections = 64, cores = CORES.load, lead = 1, prepare = async () => {} }) {
  let length = 0
  const send = async (/** @type {number} */ time) => {
    await prepare(time)
    const before = server.cpu()
    const outcome = await load(request, { seconds: time, connections, cores })
    return { outcome, cpu: server.cpu() - before }
  }
  return {
    name,
    warm: () => send(warm),
    sample: async () => {
      if (lead > 0) await send(lead)
      const { outcome, cpu } = await send(seconds)
      const each = outcome.bytes / outcome.requests
      if (length === 0) length = each
      if (outcome.failed > 0 || outcome.requests === 0) throw new Error(`${name}: ${outcome.failed} of ${outcome.requests} requests failed`)
      if (Math.abs(each - length) > 0.05 * length + 8) throw new Error(`${name}: answers of ${each} bytes, before of ${length}`)
      return { perCpu: outcome.requests / cpu, rate: outcome.requests / outcome.seconds, p50: outcome.p50, p99: outcome.p99, memory: server.memory() }
    },
  }
}

/** Seconds of load before the first round: what is compiled only after some thousand calls is compiled then. */
const WARM = 5

/** How `openssl speed` calls the key of an algorithm. @type {Record<string, string>} */
export const OPENSSL = { RS256: 'rsa2048', ES256: 'ecdsap256', ES384: 'ecdsap384', ES512: 'ecdsap521', EdDSA: 'ed25519' }

/** Signatures per second of processor time of OpenSSL alone. @param {string} alg @param {number} seconds @returns {Cell} */
export function openssl(alg, seconds) {
  return {
    name: `openssl ${alg}`,
    sample: async () => {
      const args = ['-c', CORES.server, 'openssl', 'speed', '-mr', '-seconds', String(seconds), String(OPENSSL[alg])]
      const { stdout } = spawnSync('taskset', args, { encoding: 'utf8' })
      const fields = /^\+F\d:(.*)$/m.exec(stdout)?.[1]?.split(':') ?? []
      const perCpu = Number(fields.at(-2))
      if (!(perCpu > 0)) throw new Error(`openssl said: ${stdout}`)
      return { perCpu, rate: perCpu }
    },
  }
}

/** Samples every cell once a round, in turns. @param {readonly Cell[]} cells @param {number} rounds @param {(text: string) => void} progress */
export async function interleave(cells, rounds, progress) {
  /** @type {Map<string, Sample[]>} */
  const samples = new Map(cells.map(({ name }) => [name, []]))
  for (const { name, warm } of cells) {
    progress(`warming up ${name}`)
    await warm?.()
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const { name, sample } of cells) {
      progress(`round ${round} of ${rounds}: ${name}`)
      samples.get(name)?.push(await sample())
    }
  }
  return new Map([...samples].map(([name, list]) => [name, summed(list)]))
}

/** @param {readonly Sample[]} samples @returns {Figures} */
function summed(samples) {
  const of = (/** @type {keyof Sample} */ member) => samples.map((sample) => sample[member] ?? NaN)
  return { perCpu: median(of('perCpu')), best: Math.max(...of('perCpu')), rate: median(of('rate')), p50: median(of('p50')), p99: median(of('p99')), memory: median(of('memory')), samples }
}

/** @param {readonly number[]} numbers */
export function median(numbers) {
  const sorted = numbers.toSorted((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}

/** The median of the ratios within each round, which what disturbs a round disturbs least. @param {Figures | undefined} one @param {Figures | undefined} other */
export function ratio(one, other) {
  if (one === undefined || other === undefined) return NaN
  return median(one.samples.map(({ perCpu }, at) => perCpu / (other.samples[at]?.perCpu ?? NaN)))
}

/** One answer with its headers as they came, none of them joined. @param {string} url @returns {Promise<{ headers: string[], body: string }>} */
export function record(url) {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk) => (body += chunk)).on('end', () => resolve({ headers: response.rawHeaders, body }))
    }).on('error', reject)
  })
}
