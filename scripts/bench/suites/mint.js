import { interleave, OPENSSL, openssl, ratio, requests } from '../measure.js'
import { fine, whole } from '../table.js'

/** @typedef {import('../suite.js').Suite} Suite */
/** @typedef {import('../measure.js').Figures} Figures */

/** How fast tokens are made, for the algorithms that peers know too. @type {Suite} */
export async function mint(world, scope) {
  const tables = []
  const bars = []
  for (const alg of scope.isShort ? ['RS256', 'ES256'] : ['RS256', 'ES256', 'EdDSA']) {
    const found = await mintOf(alg, world, scope)
    tables.push(found.table)
    bars.push(...found.bars)
  }
  return { tables, bars }
}

/** @param {string} alg @param {import('../world.js').World} world @param {import('../suite.js').Scope} scope */
async function mintOf(alg, world, { rounds, how, peers, isShort, progress }) {
  const bare = peers.find(({ name }) => name === 'bare')
  const makers = peers.filter(({ algs }) => algs.includes(alg))
  const servers = [await world.jwksd(alg)]
  await world.fix(servers[0]?.jwks ?? '', alg)
  for (const peer of makers) servers.push(await world.peer(peer, alg))
  if (!isShort) servers.push({ ...await world.jwksd(alg, [], { env: { UV_THREADPOOL_SIZE: '4' } }), name: 'jwksd, 4 threads' })
  const cells = servers.map(({ name, server, url, mint }) =>
    requests(name, server, { url: url + mint?.path, method: 'POST', headers: mint?.headers ?? {}, body: mint?.body ?? '' }, how))
  const fixed = bare && await world.peer(bare, alg)
  if (fixed !== undefined) cells.push(requests('bare GET', fixed.server, { url: fixed.jwks }, how))
  cells.push(openssl(alg, how.seconds))
  const figures = await interleave(cells, rounds, progress)
  await world.end()
  const [ours, signing, answering] = ['jwksd', `openssl ${alg}`, 'bare GET'].map((name) => figures.get(name))
  const bound = harmonic(signing, answering)
  const best = makers.map(({ name }) => figures.get(name)).toSorted((one, other) => (other?.perCpu ?? 0) - (one?.perCpu ?? 0))[0]
  const rows = [...figures].filter(([name]) => name !== 'bare GET').toSorted(([, one], [, other]) => other.perCpu - one.perCpu).map(([name, each]) => [
    name, whole(each.perCpu), whole(each.best), fine(ratio(each, signing)), fine(ratio(each, bound)), whole(each.rate), fine(each.p50), fine(each.p99),
  ])
  const bars = [{ what: `mint ${alg} / best peer measured`, bar: 1.05, figure: ratio(ours, best), floor: 0.6 }]
  if (alg === 'RS256') bars.push({ what: 'mint RS256 / `openssl speed rsa2048` sign', bar: 0.82, figure: ratio(ours, signing), floor: 0.35 })
  if (alg === 'ES256') bars.push({ what: 'mint ES256 / harmonic bound of (bare `node:http`, openssl sign)', bar: 0.65, figure: ratio(ours, bound), floor: 0.2 })
  const note = 'One core; the bound is what an answer of `bare` and a signature of `openssl speed` would take together.'
  const head = [`POST for a token, ${alg}`, 'tokens per CPU second', 'best round', 'to openssl', 'to the bound', 'per second', 'p50 ms', 'p99 ms']
  return { table: { title: `Tokens, ${alg}`, note, head, rows }, bars }
}

/** What would be left if one answer and one signature took no more than they take alone. @param {Figures | undefined} one @param {Figures | undefined} other @returns {Figures | undefined} */
function harmonic(one, other) {
  if (one === undefined || other === undefined) return undefined
  const samples = one.samples.map((sample, at) => ({ ...sample, perCpu: 1 / (1 / sample.perCpu + 1 / (other.samples[at]?.perCpu ?? NaN)) }))
  return { ...one, samples }
}

/** Every algorithm that this Node knows, from one server. @type {Suite} */
export async function algorithms(world, { rounds, how, progress }) {
  const { generateKey } = globalThis.crypto.subtle
  const isNew = await generateKey.call(globalThis.crypto.subtle, 'ML-DSA-44', false, ['sign', 'verify']).then(() => true, () => false)
  const algs = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'Ed25519', 'EdDSA', ...isNew ? ['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] : []]
  const { server, url } = await world.jwksd(algs.join(','))
  const cells = algs.flatMap((alg) => [
    requests(alg, server, { url: `${url}/auth`, method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ sub: 'alice', alg }) }, { ...how, warm: 2 }),
    ...alg in OPENSSL ? [openssl(alg, how.seconds)] : [],
  ])
  const figures = await interleave(cells, rounds, progress)
  await world.end()
  const rows = algs.map((alg) => {
    const [ours, signing] = [figures.get(alg), figures.get(`openssl ${alg}`)]
    return [alg, whole(ours?.perCpu ?? NaN), whole(signing?.perCpu ?? NaN), fine(ratio(ours, signing)), fine(ours?.p50 ?? NaN), fine(ours?.p99 ?? NaN)]
  })
  const head = ['algorithm', 'tokens per CPU second', 'openssl alone', 'to openssl', 'p50 ms', 'p99 ms']
  return { tables: [{ title: 'Tokens, by algorithm', note: 'One server with all of them, RSA-2048.', head, rows }], bars: [] }
}
