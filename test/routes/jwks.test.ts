import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { reply } from '../../src/http/reply.ts'
import type { Snapshot } from '../../src/keyring/snapshot.ts'
import { fromSnapshot, outOfReach } from '../../src/routes/document.ts'
import { jwksRoute } from '../../src/routes/jwks.ts'
import { type RunningApp, startApp } from '../support/app.ts'

const NO_BODY = { query: '', header: (): undefined => undefined, address: () => 'test', body: new Uint8Array() }

const JWK_SET = 'application/jwk-set+json'
const PATHS = ['/jwks.json', '/.well-known/jwks.json']

let server: RunningApp
before(async () => {
  server = await startApp('--preset', 'fast', '--alg', 'RS256,ES256')
})
after(() => server.close())

interface Jwks {
  readonly keys: readonly Readonly<Record<string, string>>[]
}

async function jwks(): Promise<Jwks> {
  return await (await fetch(`${server.url}/jwks.json`)).json() as Jwks
}

describe('GET /jwks.json', () => {
  for (const path of PATHS) {
    it(`answers ${path} as application/json, to be revalidated since the keys die with the process`, async () => {
      const response = await fetch(`${server.url}${path}`)
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('content-type'), 'application/json')
      assert.equal(response.headers.get('cache-control'), 'no-cache')
      assert.equal(response.headers.get('vary'), 'accept')
      assert.equal(response.headers.get('access-control-allow-origin'), '*')
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
      assert.match(response.headers.get('etag') ?? '', /^"[A-Za-z0-9_-]{22}"$/)
    })
  }

  it('answers jwk-set+json to callers that name it, under a tag of its own', async () => {
    const named = await fetch(`${server.url}/jwks.json`, { headers: { accept: `${JWK_SET}, */*;q=0.1` } })
    const anything = await fetch(`${server.url}/jwks.json`, { headers: { accept: '*/*' } })
    assert.equal(named.headers.get('content-type'), JWK_SET)
    assert.equal(anything.headers.get('content-type'), 'application/json')
    assert.notEqual(named.headers.get('etag'), anything.headers.get('etag'))
    assert.equal(await named.text(), await anything.text())
  })

  it('D2 answers 304 to a client that has the set, and repeats what a cache needs', async () => {
    const whole = await fetch(`${server.url}/jwks.json`)
    const etag = whole.headers.get('etag') ?? ''
    for (const header of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const response = await fetch(`${server.url}/jwks.json`, { headers: { 'if-none-match': header } })
      assert.equal(response.status, 304, header)
      assert.equal(await response.text(), '')
      for (const name of ['etag', 'cache-control', 'vary', 'access-control-allow-origin']) {
        assert.equal(response.headers.get(name), whole.headers.get(name), name)
      }
    }
    for (const header of ['"other"', etag.slice(1, -1), '']) {
      const response = await fetch(`${server.url}/jwks.json`, { headers: { 'if-none-match': header } })
      assert.equal(response.status, 200, header)
    }
  })

  it('D1 answers HEAD like GET without the body', async () => {
    const head = await fetch(`${server.url}/jwks.json`, { method: 'HEAD' })
    const get = await fetch(`${server.url}/jwks.json`)
    const named = (response: Response): object =>
      Object.fromEntries([...response.headers].filter(([name]) => !['date', 'connection', 'keep-alive'].includes(name)))
    assert.deepEqual(named(head), named(get))
    assert.equal(await head.text(), '')
    assert.equal(Number(head.headers.get('content-length')), (await get.text()).length)
  })

  it('A9, A10 publishes the members of the allowlist and nothing else', async () => {
    const members = new Map([
      ['RSA', ['kty', 'n', 'e', 'kid', 'use', 'alg']],
      ['EC', ['kty', 'crv', 'x', 'y', 'kid', 'use', 'alg']],
    ])
    const { keys } = await jwks()
    assert.ok(keys.length >= 4)
    for (const key of keys) {
      assert.deepEqual(Object.keys(key), members.get(key['kty'] ?? ''))
      assert.equal(key['use'], 'sig')
    }
    assert.equal(new Set(keys.map((key) => key['kid'])).size, keys.length)
  })

  it('gives a cache its max-age when the keys outlive the process', async () => {
    const cacheControl = 'public, max-age=300, must-revalidate'
    const current = (): ReturnType<typeof server.app.keyring.current> => server.app.keyring.current()
    const { GET } = jwksRoute('/jwks.json', { current, cacheControl }).methods
    const answer = await GET?.({ method: 'GET', path: '/jwks.json', ...NO_BODY })
    assert.equal(answer?.headers['cache-control'], cacheControl)
  })

  it('shows a standby, a promotion, a retirement and a removal as time passes', async () => {
    const kidsOf = async (): Promise<readonly (string | undefined)[]> =>
      (await jwks()).keys.filter((key) => key['alg'] === 'ES256').map((key) => key['kid'])
    const [active, standby] = await kidsOf()
    await server.pass(59)
    assert.deepEqual(await kidsOf(), [active, standby])
    await server.pass(1)
    const [promoted, next, retired] = await kidsOf()
    assert.deepEqual([promoted, retired], [standby, active])
    await server.pass(20)
    assert.equal((await kidsOf()).length, 3)
    await server.pass(1)
    assert.deepEqual(await kidsOf(), [promoted, next])
  })
})

describe('fromSnapshot()', () => {
  it('makes its answers once for each snapshot', async () => {
    const one = {} as Snapshot
    const other = {} as Snapshot
    let made = 0
    let current: Snapshot | undefined = one
    const handler = fromSnapshot({ current: () => current }, () => made += 1, () => reply(200, {}))
    const call = { method: 'GET', path: '/', ...NO_BODY }
    for (const next of [one, one, other, other]) {
      current = next
      assert.equal((await handler(call)).status, 200)
    }
    assert.equal(made, 2)
    current = undefined
    assert.deepEqual(await handler(call), outOfReach())
  })
})
