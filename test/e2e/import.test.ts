import assert from 'node:assert/strict'
import { createPublicKey, createSign, generateKeyPairSync, type JsonWebKey, type KeyObject, verify } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { newFolder } from '../support/folder.ts'
import { newKek } from '../support/kek.ts'
import { end, run, serve, type ServerProcess } from '../support/process.ts'

/** (1) needs 3 s here, and a key signs for 10 s. */
const TIMING = ['--preset', 'fast', '--jwks-max-age', '2s', '--rotation-interval', '10s', '--lead', '4s', '--max-ttl', '5s']
const PAST = ['--published-since', '2026-01-01T00:00:00Z', '--old-max-age', '2s', '--old-max-ttl', '5s']

const folder = newFolder()
const path = (name: string): string => join(folder, name)
let count = 0
/** An empty store, as options. */
const newStore = (alg = 'ES256'): readonly string[] =>
  ['--store', `file:${path(`ring-${count += 1}.json`)}`, '--kek-file', path('kek'), '--alg', alg, ...TIMING]
const fileOf = (store: readonly string[]): string => (store[1] ?? '').slice('file:'.length)

function written(content: string | object, mode = 0o600): string {
  const name = path(`key-${count += 1}`)
  writeFileSync(name, typeof content === 'string' ? content : JSON.stringify(content), { mode })
  return name
}
const ec = (namedCurve = 'P-256'): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey
const rsa = (modulusLength: number, publicExponent = 65_537): KeyObject =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent }).privateKey
const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString()
const jwkOf = (key: KeyObject): JsonWebKey => key.export({ format: 'jwk' })
const publicOf = (key: KeyObject): JsonWebKey => createPublicKey(key).export({ format: 'jwk' })
const importing = (file: string, store: readonly string[], ...more: readonly string[]): ReturnType<typeof run> =>
  run(['keys', 'import', file, ...store, '--kid', 'old-1', ...PAST, ...more])

before(() => newKek(folder))

describe('jwksd keys import', () => {
  it('takes PEM and JWK, private and public', async () => {
    for (const [content, alg, more, state] of [
      [pem(ec()), 'ES256', [], 'active'],
      [{ ...jwkOf(ec()), kid: 'old-1', alg: 'ES256', use: 'sig' }, 'ES256', [], 'active'],
      [pem(rsa(2048)), 'PS256', [], 'active'],
      [jwkOf(rsa(3072)), 'RS256', [], 'active'],
      [pem(generateKeyPairSync('ed25519').privateKey), 'EdDSA', [], 'active'],
      [publicOf(ec()), 'ES256', ['--public'], 'retired'],
      [createPublicKey(ec()).export({ type: 'spki', format: 'pem' }).toString(), 'ES256', ['--public'], 'retired'],
    ] as const) {
      const done = await importing(written(content), newStore(alg), ...more)
      assert.deepEqual([done.code, done.stderr], [0, ''])
      assert.ok(done.stdout.startsWith(`Imported old-1 (${alg}) as ${state}: `), done.stdout)
    }
  })

  it('refuses weak keys, other algorithms, halves of two keys, other names, and files that others can read', async () => {
    const good = jwkOf(ec())
    const second = jwkOf(ec())
    const big = jwkOf(rsa(2048))
    for (const [content, alg, words] of [
      [pem(rsa(1024)), 'RS256', 'its member n is missing, too weak, or does not fit RS256'],
      [pem(rsa(2048, 3)), 'RS256', 'its member e is missing, too weak, or does not fit RS256'],
      [{ ...big, q: big.p }, 'RS256', 'its member p is missing, too weak, or does not fit RS256'],
      [{ ...big, d: 'AQAB' }, 'RS256', 'its member d is missing, too weak, or does not fit RS256'],
      [pem(ec('P-384')), 'ES256', 'its member crv is missing, too weak, or does not fit ES256'],
      [pem(ec()), 'RS256', 'its member kty is missing, too weak, or does not fit RS256'],
      [{ ...good, alg: 'ES384' }, 'ES256', 'its member alg is missing, too weak, or does not fit ES256'],
      [{ ...good, use: 'enc' }, 'ES256', 'its member use is missing, too weak, or does not fit ES256'],
      [{ ...good, key_ops: ['verify'] }, 'ES256', 'its member key_ops is missing, too weak, or does not fit ES256'],
      [{ ...good, d: second.d }, 'ES256', 'its halves do not belong together, or are no key of ES256'],
      [publicOf(ec()), 'ES256', 'its halves do not belong together, or are no key of ES256'],
      [{ ...good, kid: 'another' }, 'ES256', 'it names itself otherwise than --kid old-1'],
      [{ kty: 'oct', k: 'AAAA' }, 'ES256', 'its member kty is missing, too weak, or does not fit ES256'],
      [{ keys: [good] }, 'ES256', 'is a JWK Set. Take the one key out of "keys"'],
      ['-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n', 'ES256', 'holds no private key in PEM'],
      ['{"kty":"EC","kty":"EC"}', 'ES256', 'is neither PEM nor JSON: it '],
    ] as const) {
      const store = newStore(alg)
      const { code, stderr, stdout } = await importing(written(content), store)
      assert.deepEqual([code, stdout], [78, ''])
      assert.ok(stderr.includes(words), stderr)
      assert.throws(() => readFileSync(fileOf(store)), { code: 'ENOENT' })
    }
    const open = await importing(written(good, 0o644), newStore())
    assert.equal(open.code, 78)
    const half = await importing(written(good), newStore(), '--public')
    assert.match(half.stderr, /its member d is missing, too weak/)
  })

  it('names the flag at fault', async () => {
    const file = written(pem(ec()))
    const since = new Date(Date.now() + 3_600_000).toISOString()
    const just = new Date(Date.now() - 1000).toISOString()
    for (const [args, code, words] of [
      [['--published-since', since], 78, '--published-since lies ahead'],
      [['--published-since', 'yesterday'], 78, '--published-since must be a time like'],
      [['--old-max-age', '5'], 78, '--old-max-age must be a duration like 5m'],
      [['--old-max-ttl', 'x'], 78, '--old-max-ttl must be a duration like 1h'],
      [['--old-max-ttl', '1h', '--retention', '60s'], 78, 'Unsafe (2): retention is 60 s'],
      [['--published-since', just, '--old-max-age', '2m', '--lead', '200s', '--rotation-interval', '10m'], 1, 'Some cache may lack'],
      [['--kid', 'old 1'], 78, '--kid must be the name of the key'],
      [['--alg', 'ES256,RS256'], 78, '--alg is ES256,RS256. Name the one algorithm of the key'],
      [['--store', 'memory:'], 78, '--store is memory:'],
    ] as const) {
      const given = new Map<string, string>()
      const all = [...newStore(), '--kid', 'old-1', ...PAST, ...args]
      all.forEach((word, at) => at % 2 === 0 && given.set(word, all[at + 1] ?? ''))
      const done = await run(['keys', 'import', file, ...[...given].flat()])
      assert.deepEqual([done.code, done.stdout], [code, ''], done.stderr)
      assert.ok(done.stderr.includes(words), done.stderr)
    }
    const { code, stderr } = await run(['keys', 'export', file])
    assert.deepEqual([code, stderr], [78, 'jwksd: Write: jwksd keys, or jwksd keys import FILE\n'])
  })

  it('does not take back a key that was revoked, renamed or not, and records who gave the order', async () => {
    const [store, key] = [newStore(), ec()]
    const records = ['--audit', path('audit.log'), '--admin', `unix:${path('admin')}`]
    assert.equal((await importing(written(pem(key)), store, '--audit', path('audit.log'), '--reason', 'move')).code, 0)
    const server = await serve([...store, ...records])
    const busy = await importing(written(pem(ec())), store, '--kid', 'old-2', '--audit', path('audit.log'))
    assert.equal(busy.code, 78)
    const revoked = await run(['revoke', 'old-1', records[2] ?? '', records[3] ?? '', '--force', '--reason', 'stolen'])
    assert.equal(revoked.code, 0, revoked.stderr)
    await end(server)
    for (const kid of ['old-1', 'renamed']) {
      const again = await run(['keys', 'import', written(pem(key)), ...store, '--kid', kid, ...PAST])
      assert.deepEqual([again.code, again.stderr], [1, 'jwksd: The ring has, or had, this key or its name: old-1. Make a new key\n'])
    }
    const log = readFileSync(path('audit.log'), 'utf8')
    assert.match(log, /"operator.ordered","action":"import","target":"old-1","forced":false,"reason":"move"/)
  })
})

/** A verifier whose cache keeps a set for as long as it may, and asks for no kid that it lacks. */
function cachingVerifier(url: () => string): (token: string) => Promise<boolean> {
  let [set, until]: [readonly JsonWebKey[], number] = [[], 0]
  return async (token) => {
    if (Date.now() >= until) {
      const response = await fetch(url())
      const age = Number(/max-age=(\d+)/.exec(response.headers.get('cache-control') ?? '')?.[1])
      ;[set, until] = [(await response.json() as { keys: readonly JsonWebKey[] }).keys, Date.now() + age * 1000]
    }
    const [head = '', body = '', signature = ''] = token.split('.')
    const { kid } = JSON.parse(Buffer.from(head, 'base64url').toString()) as { kid: string }
    const jwk = set.find((key) => key['kid'] === kid)
    if (jwk === undefined) return false
    const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' } as const
    return verify('sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'))
  }
}

async function mint({ url }: ServerProcess): Promise<string> {
  return (await (await fetch(`${url}/auth`, { method: 'POST' })).json() as { token: string }).token
}

describe('a move from another issuer', () => {
  it('fails no verifier with the old set in its cache: old tokens and new, before and after the rotation', async () => {
    const key = ec()
    const old = createServer((_request, response) => response.setHeader('cache-control', 'max-age=2')
      .end(JSON.stringify({ keys: [{ ...publicOf(key), kid: 'old-1', use: 'sig', alg: 'ES256' }] })))
    await once(old.listen(0, '127.0.0.1'), 'listening')
    const oldUrl = `http://127.0.0.1:${(old.address() as AddressInfo).port}/jwks.json`
    let url = oldUrl
    const accepts = cachingVerifier(() => url)
    const input = ['{"alg":"ES256","kid":"old-1"}', '{"sub":"a"}'].map((part) => Buffer.from(part).toString('base64url')).join('.')
    const oldToken = `${input}.${createSign('sha256').update(input).sign({ key, dsaEncoding: 'ieee-p1363' }, 'base64url')}`
    assert.equal(await accepts(oldToken), true)
    const store = newStore()
    assert.equal((await importing(written(pem(key)), store)).code, 0)
    const server = await serve(store)
    const kids = new Set<string>()
    const from = Date.now()
    while (kids.size < 2 || Date.now() - from < 9000) {
      const token = await mint(server)
      kids.add(String(JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())['kid']))
      assert.equal(await accepts(token), true, [...kids].join(' '))
      // The old key is published as long as its tokens live: 5 s after the successor of it signs.
      assert.equal(await accepts(oldToken) || kids.size > 1, true)
      url = `${server.url}/jwks.json`
      await setTimeout(100)
      assert.ok(Date.now() - from < 30_000, 'no rotation')
    }
    assert.ok(kids.has('old-1'))
    await end(server)
    old.close()
  })
})
