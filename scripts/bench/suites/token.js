import { join } from 'node:path'
import { withBasic, withKey, withPost, writeClients } from '../clients.js'
import { interleave, ratio, requests } from '../measure.js'
import { fine, whole } from '../table.js'

/** What each way of a client to authenticate costs at /token. @type {import('../suite.js').Suite} */
export async function token(world, { rounds, how, progress }) {
  const folder = world.newFolder('token')
  const clients = ['--clients', writeClients(folder)]
  const memory = await world.jwksd('ES256', clients)
  const durable = await world.jwksd('ES256', [...clients, '--store', `file:${join(folder, 'ring.json')}`, '--unsealed'])
  const development = await world.jwksd('ES256')
  const [quick, lasting] = [withKey(memory.url, folder), withKey(durable.url, folder)]
  const auth = { url: `${development.url}/auth`, method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"sub":"alice"}' }
  const cells = [
    requests('/auth, for comparison', development.server, auth, how),
    requests('client_secret_basic', memory.server, withBasic(memory.url), how),
    requests('client_secret_post', memory.server, withPost(memory.url), how),
    requests('private_key_jwt (ES256), keys in memory', memory.server, quick.request, { ...how, warm: 2, prepare: quick.prepare }),
    requests('private_key_jwt (ES256), file store', durable.server, lasting.request, { ...how, warm: 2, prepare: lasting.prepare }),
  ]
  const figures = await interleave(cells, rounds, progress)
  await world.end()
  const base = figures.get('/auth, for comparison')
  const rows = [...figures].map(([name, each]) => [name, whole(each.perCpu), fine(ratio(each, base)), whole(each.rate), fine(each.p50), fine(each.p99)])
  const note = 'ES256 tokens by client_credentials, one core. An assertion is verified, and remembered so that it cannot be used again; with the file store that is a file that is on the disk before the answer.'
  return { tables: [{ title: 'Tokens for clients', note, head: ['authentication', 'tokens per CPU second', 'to /auth', 'per second', 'p50 ms', 'p99 ms'], rows }], bars: [] }
}
