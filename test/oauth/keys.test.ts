import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type Instant, instant } from '../../src/core/time.ts'
import { parseCompact } from '../../src/jose/verify.ts'
import { remoteKeys, verifyBy } from '../../src/oauth/key-source.ts'
import { throttle } from '../../src/oauth/throttle.ts'
import { fetchDocument } from '../../src/stores/fetch.ts'
import { inputOf } from '../../src/testkit/kit.ts'
import { newParty } from '../support/oauth.ts'

const one = newParty('one')
const two = newParty('two')
const setOf = (...parties: readonly { jwk: object }[]): Uint8Array =>
  Buffer.from(JSON.stringify({ keys: parties.map(({ jwk }) => jwk) }))

/** A source over a document that the test changes, and a clock that it moves. */
function world() {
  const state = { now: instant(1_000_000), document: setOf(one) as Uint8Array | undefined, asked: 0 }
  const dropped: unknown[] = []
  const fetchFrom = async (): Promise<Uint8Array | undefined> => {
    state.asked += 1
    return state.document
  }
  const drop = (...one: readonly unknown[]): void => void dropped.push(one)
  const source = remoteKeys('https://keys.example', { now: () => state.now, fetchFrom, drop })
  const check = async (party: typeof one): Promise<string> => {
    const jws = parseCompact(party.token({}, { sub: 'x' }))
    assert.ok(jws.ok)
    const claims = await verifyBy(source, jws.value)
    return claims.ok ? 'right' : claims.error
  }
  const pass = (length: number): void => {
    state.now = (state.now + length) as Instant
  }
  return { state, source, check, pass, dropped }
}

describe('the keys at a jwks_uri', () => {
  it('are asked for once, however many need them', async () => {
    const { state, check } = world()
    assert.deepEqual(await Promise.all([check(one), check(one), check(one)]), ['right', 'right', 'right'])
    assert.equal(state.asked, 1)
  })

  it('are asked for again when one is missing, and at most every 30 s whatever requests say', async () => {
    const { state, check, pass } = world()
    await check(one)
    for (let attempt = 0; attempt < 100; attempt += 1) assert.equal(await check(two), 'kid')
    assert.equal(state.asked, 1)
    state.document = setOf(one, two)
    pass(31)
    assert.equal(await check(two), 'right')
    for (let attempt = 0; attempt < 100; attempt += 1) assert.equal(await check(newParty('three')), 'kid')
    assert.equal(state.asked, 2)
  })

  it('are asked for again after five minutes without anybody waiting', async () => {
    const { state, check, pass } = world()
    await check(one)
    pass(301)
    state.document = setOf(two)
    assert.equal(await check(one), 'right')
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(await check(two), 'right')
    assert.equal(state.asked, 2)
  })

  it('are used for a day while the address does not answer, and no longer', async () => {
    const { state, check, pass } = world()
    await check(one)
    for (const broken of [undefined, Buffer.from('{'), Buffer.from('{"keys":1}'), Buffer.from('[]')]) {
      state.document = broken
      pass(400)
      assert.equal(await check(one), 'right')
    }
    pass(86_400)
    assert.equal(await check(one), 'keys')
    state.document = setOf(one)
    pass(31)
    assert.equal(await check(one), 'right')
  })

  it('are undefined while the address has never answered', async () => {
    const { state, check } = world()
    state.document = undefined
    assert.equal(await check(one), 'keys')
    assert.equal(await check(one), 'keys')
    assert.equal(state.asked, 1)
  })

  it('are refused when the right name stands for two of them', async () => {
    const { state, check } = world()
    state.document = setOf(one, { jwk: { ...two.jwk, kid: 'one' } })
    assert.equal(await check(one), 'kid')
  })
})

describe('a key set of another party', () => {
  it('says which keys it cannot use, and why, and serves with the others', async () => {
    const { state, check, dropped } = world()
    const odd = [{ kty: 'oct', k: 'AAAA' }, { ...two.jwk, use: 'enc' }, { ...two.jwk, y: two.jwk['x'] }, 1]
    state.document = setOf(one, ...odd.map((jwk) => ({ jwk: jwk as object })))
    assert.equal(await check(one), 'right')
    assert.deepEqual(dropped.toSorted(), [[1, 'k'], [2, 'use'], [3, 'key'], [4, 'jwk']])
  })

  it('takes both names of Ed25519 for a key that has neither, and only its own for one that has', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const plain = publicKey.export({ format: 'jwk' })
    for (const kid of [undefined, 'ed']) {
      for (const alg of [undefined, 'EdDSA', 'Ed25519']) {
        const { state, source } = world()
        state.document = setOf({ jwk: { ...plain, ...kid === undefined ? {} : { kid }, ...alg === undefined ? {} : { alg } } })
        for (const signedAs of ['EdDSA', 'Ed25519']) {
          const input = inputOf({ alg: signedAs, kid }, { sub: 'x' })
          const jws = parseCompact(`${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`)
          const claims = jws.ok ? await verifyBy(source, jws.value) : jws
          assert.equal(claims.ok, alg === undefined || alg === signedAs, `${alg} ${signedAs}`)
        }
      }
    }
  })
})

describe('fetchDocument()', () => {
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    if (path === '/redirect') return void response.writeHead(302, { location: '/right' }).end()
    if (path === '/large') return void response.end(Buffer.alloc(300_000, 'x'))
    if (path === '/missing') return void response.writeHead(404).end('{}')
    // A server may compress for a client that says nothing about it.
    const isPlain = request.headers['accept-encoding'] === 'identity'
    return void response.end(isPlain ? '{"keys":[]}' : gzipSync('{"keys":[]}'))
  })
  after(() => server.close())

  it('D12 takes a small 200, and follows no redirect', async () => {
    await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    assert.equal(Buffer.from(await fetchDocument(`${url}/right`) ?? []).toString(), '{"keys":[]}')
    for (const path of ['/redirect', '/large', '/missing']) {
      assert.equal(await fetchDocument(`${url}${path}`), undefined, path)
    }
    assert.equal(await fetchDocument('http://127.0.0.1:1/'), undefined)
  })
})

describe('throttle()', () => {
  it('lets a name fail ten times a minute, and remembers the latest ten thousand names', () => {
    let now = 0
    const failed = throttle(() => instant(now))
    const tenTimes = (name: string): void => {
      for (let attempt = 0; attempt < 10; attempt += 1) assert.equal(failed(name), undefined)
    }
    tenTimes('first')
    assert.equal(failed('first'), 60)
    for (let name = 0; name < 10_000; name += 1) failed(String(name))
    tenTimes('first')
    tenTimes('last')
    now = 59.5
    assert.equal(failed('last'), 1)
    now = 60
    assert.equal(failed('last'), undefined)
  })
})
