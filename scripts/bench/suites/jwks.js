import { interleave, ratio, record, requests } from '../measure.js'
import { fine, mebibytes, whole } from '../table.js'

/** @typedef {import('../suite.js').Suite} Suite */

/** How fast the JWK Set is answered, beside what people would use instead. @type {Suite} */
export async function jwks(world, { rounds, how, peers, progress }) {
  const ours = await world.jwksd('RS256')
  await world.fix(ours.jwks, 'RS256')
  const others = []
  for (const peer of peers) others.push(await world.peer(peer, 'RS256'))
  const { headers } = await record(ours.jwks)
  const etag = String(headers[headers.findIndex((name) => name.toLowerCase() === 'etag') + 1])
  const cells = [
    requests('jwksd', ours.server, { url: ours.jwks }, how),
    requests('jwksd, 304', ours.server, { url: ours.jwks, headers: { 'if-none-match': etag } }, how),
    ...others.map(({ name, server, jwks: url }) => requests(name, server, { url }, how)),
  ]
  const figures = await interleave(cells, rounds, progress)
  await world.end()
  const bare = figures.get('bare')
  const rows = [...figures].toSorted(([, one], [, other]) => other.perCpu - one.perCpu).map(([name, each]) => [
    name, whole(each.perCpu), whole(each.best), fine(ratio(each, bare)), whole(each.rate), fine(each.p50), fine(each.p99), mebibytes(each.memory),
  ])
  const bars = [
    { what: 'JWKS 200 / bare `node:http` with the same bytes and headers', bar: 0.97, figure: ratio(figures.get('jwksd'), bare), floor: 0.6 },
    { what: 'JWKS 304 / bare 200', bar: 1, figure: ratio(figures.get('jwksd, 304'), bare), floor: 0.6 },
  ]
  const note = 'RS256, one core. `bare` and `raw` send the bytes and headers that jwksd sends; the set of jwksd has two keys, those of the others one.'
  const head = ['GET JWKS', 'answers per CPU second', 'best round', 'to bare', 'per second', 'p50 ms', 'p99 ms', 'MiB']
  return { tables: [{ title: 'Key set', note, head, rows }], bars }
}

/** What a set of more keys costs, each beside `bare` with the same bytes. @type {Suite} */
export async function keys(world, { rounds, how, peers, progress }) {
  const bare = peers.find(({ name }) => name === 'bare')
  if (bare === undefined) throw new Error('The peer bare is missing')
  const cells = []
  const sizes = new Map()
  for (const algs of ['RS256', 'RS256,PS256,ES256', 'RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,ES512,Ed25519,EdDSA']) {
    const ours = await world.jwksd(algs)
    await world.fix(ours.jwks, 'RS256')
    const fixed = await world.peer(bare, 'RS256')
    const { body } = await record(ours.jwks)
    const name = `${JSON.parse(body).keys.length} keys`
    sizes.set(name, body.length)
    cells.push(requests(name, ours.server, { url: ours.jwks }, how), requests(`${name}, bare`, fixed.server, { url: fixed.jwks }, how))
  }
  const figures = await interleave(cells, rounds, progress)
  await world.end()
  const rows = [...sizes].map(([name, bytes]) => {
    const [ours, fixed] = [figures.get(name), figures.get(`${name}, bare`)]
    return [name, whole(bytes), whole(ours?.perCpu ?? NaN), whole(fixed?.perCpu ?? NaN), fine(ratio(ours, fixed))]
  })
  const note = 'Each algorithm has two keys from the start, one that signs and one that is published ahead of its use; so one key alone is not served.'
  return { tables: [{ title: 'Key set, by its size', note, head: ['set', 'bytes', 'answers per CPU second', 'bare', 'to bare'], rows }], bars: [] }
}
