import assert from 'node:assert/strict'
import { createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { decodeToken, type RunningApp, startApp } from '../support/app.ts'
import { assertCleanLog } from '../support/leak.ts'

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

let server: RunningApp
before(async () => {
  server = await startApp('--alg', 'RS256,ES256', '--allow-origin', 'http://localhost:3000')
})
after(() => server.close())

async function post(path: string, body?: string, headers: Record<string, string> = {}): Promise<Answer> {
  const content = body === undefined ? {} : { body }
  const response = await fetch(`${server.url}${path}`, { method: 'POST', headers, ...content })
  return { status: response.status, headers: response.headers, body: await response.json() as Record<string, unknown> }
}

function postJson(members: unknown, path = '/auth'): Promise<Answer> {
  return post(path, JSON.stringify(members), { 'content-type': 'application/json' })
}

async function claimsOf(answer: Promise<Answer>): Promise<Record<string, unknown>> {
  const { status, body } = await answer
  assert.equal(status, 200, JSON.stringify(body))
  return decodeToken(String(body['token'])).claims
}

async function publishedKeys(): Promise<readonly (JsonWebKey & { kid: string; alg: string })[]> {
  const response = await fetch(`${server.url}/jwks.json`)
  return (await response.json() as { keys: (JsonWebKey & { kid: string; alg: string })[] }).keys
}

describe('POST /auth', () => {
  it('answers a token whose key is published, with the members of the design', async () => {
    const { status, headers, body } = await post('/auth')
    assert.equal(status, 200)
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.deepEqual(Object.keys(body), ['token', 'kid', 'token_type', 'expires_in', 'expiry'])
    const { header, claims } = decodeToken(String(body['token']))
    assert.deepEqual(header, { alg: 'RS256', kid: body['kid'], typ: 'JWT' })
    assert.ok((await publishedKeys()).some(({ kid }) => kid === body['kid']))
    assert.deepEqual(Object.keys(claims).toSorted(), ['aud', 'exp', 'iat', 'iss', 'jti', 'nbf', 'sub'])
    assert.deepEqual([claims['sub'], claims['aud'], claims['iss']], ['anonymous', 'api', server.url])
    const now = Math.floor(server.now())
    assert.deepEqual([claims['iat'], claims['nbf'], claims['exp']], [now, now - 60, now + 900])
    assert.deepEqual([body['token_type'], body['expires_in'], body['expiry']], ['Bearer', 900, now + 900])
  })

  it('is valid at once for a verifier whose clock is behind by all that ours may be ahead', async () => {
    const { nbf, iat } = await claimsOf(post('/auth'))
    assert.ok(Number(nbf) <= Number(iat) - server.app.keyring.policy.timing.clockError)
  })

  it('signs so that the published key verifies, for every line', async () => {
    for (const alg of ['RS256', 'ES256']) {
      const { body } = await postJson({ alg })
      const token = String(body['token'])
      const [signed, signature] = [token.slice(0, token.lastIndexOf('.')), token.slice(token.lastIndexOf('.') + 1)]
      const jwk = (await publishedKeys()).find(({ kid }) => kid === body['kid'])
      assert.ok(jwk !== undefined && jwk.alg === alg)
      const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' } as const
      assert.ok(verify('sha256', Buffer.from(signed), key, Buffer.from(signature, 'base64url')))
    }
  })

  it('signs an expired token truly, with a key that is published nowhere', async () => {
    const { status, body } = await post('/auth?expired=true')
    assert.equal(status, 200)
    const now = server.now()
    assert.ok(Number(body['expiry']) < now - 300, 'beyond the leeway of any verifier')
    assert.equal(body['expires_in'], 0)
    assert.equal(decodeToken(String(body['token'])).header['kid'], body['kid'])
    assert.ok(!(await publishedKeys()).some(({ kid }) => kid === body['kid']))
    assert.equal((await post('/auth?expired=true')).body['kid'], body['kid'], 'one key serves them all')
  })

  it('takes the subject from sub, then username in the body, then Basic, and else anonymous', async () => {
    const basic = { authorization: `Basic ${Buffer.from('fromBasic:password123').toString('base64')}` }
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const subject = async (answer: Promise<Answer>): Promise<unknown> => (await claimsOf(answer))['sub']
    assert.equal(await subject(postJson({ sub: 'testuser', username: 'other' })), 'testuser')
    const both = post('/auth', 'username=userABC&password=password123', { ...basic, ...form })
    assert.equal(await subject(both), 'userABC')
    assert.equal(await subject(post('/auth', undefined, basic)), 'fromBasic')
    assert.equal(await subject(post('/auth', '', { 'content-type': 'application/json' })), 'anonymous')
    assert.equal(await subject(postJson({ username: 'jürgen ✓', password: 'x' })), 'jürgen ✓')
  })

  it('takes aud, scope, ttl and alg, and makes every other member a claim', async () => {
    const understood = { sub: 'a', aud: ['x', 'y'], scope: 'read write', ttl: 60 }
    const claims = await claimsOf(postJson({ ...understood, roles: ['admin'], nested: { deep: [1, null] } }))
    assert.deepEqual([claims['aud'], claims['scope'], claims['roles']], [['x', 'y'], 'read write', ['admin']])
    assert.deepEqual(claims['nested'], { deep: [1, null] })
    assert.equal(Number(claims['exp']) - Number(claims['iat']), 60)
    for (const absent of ['ttl', 'alg', 'username', 'password']) assert.ok(!(absent in claims), absent)
  })

  it('never lets a password into the token', async () => {
    const claims = JSON.stringify(await claimsOf(postJson({ username: 'u', password: 'hunter2' })))
    assert.doesNotMatch(claims, /hunter2|password/)
  })

  it('D9 treats constructor and prototype as plain claims', async () => {
    const claims = await claimsOf(postJson({ constructor: 'c', prototype: 'p', toString: 't', hasOwnProperty: 1 }))
    assert.equal(claims['constructor'], 'c')
    assert.equal(claims['hasOwnProperty'], 1)
    assert.equal(({} as Record<string, unknown>)['p'], undefined)
  })

  it('D11 takes the issuer from the configuration, whatever headers say', async () => {
    const proxied = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' }
    const headers = { ...proxied, forwarded: 'host=evil.example' }
    assert.equal((await claimsOf(post('/auth', undefined, headers)))['iss'], server.url)
  })

  const json = 'application/json'
  const form = 'application/x-www-form-urlencoded'
  const refused: readonly (readonly [string, string, string | Uint8Array, string, number, string | undefined])[] = [
    ['an unknown media type', '/auth', '<a/>', 'text/xml', 415, undefined],
    ['another charset', '/auth', '{}', 'application/json; charset=latin1', 415, undefined],
    ['malformed JSON', '/auth', '{"sub":', json, 400, undefined],
    ['a JSON list', '/auth', '[]', json, 400, undefined],
    ['a duplicate member', '/auth', '{"sub":"a","sub":"b"}', json, 400, 'sub'],
    ['a nested duplicate member', '/auth', '{"x":{"y":1,"y":2}}', json, 400, 'x.y'],
    ['D9 a __proto__ member', '/auth', '{"__proto__":{"sub":"x"}}', json, 400, '__proto__'],
    ['A13 a lone surrogate', '/auth', '{"sub":"\\ud800"}', json, 400, 'sub'],
    ['invalid UTF-8', '/auth', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), json, 400, undefined],
    ['a subject that is a number', '/auth', '{"sub":1}', json, 400, 'sub'],
    ['an empty subject', '/auth', '{"sub":""}', json, 400, 'sub'],
    ['an overlong subject', '/auth', JSON.stringify({ sub: 'x'.repeat(256) }), json, 400, 'sub'],
    ['a username that is a list', '/auth', '{"username":[]}', json, 400, 'username'],
    ['an empty audience', '/auth', '{"aud":[]}', json, 400, 'aud'],
    ['an audience of numbers', '/auth', '{"aud":[1]}', json, 400, 'aud'],
    ['a null audience', '/auth', '{"aud":null}', json, 400, 'aud'],
    ['a scope with two spaces', '/auth', '{"scope":"a  b"}', json, 400, 'scope'],
    ['an unknown algorithm', '/auth', '{"alg":"none"}', json, 400, 'alg'],
    ['a known algorithm that is not configured', '/auth', '{"alg":"PS256"}', json, 400, 'alg'],
    ['a ttl above the longest', '/auth', '{"ttl":3601}', json, 400, 'ttl'],
    ['a ttl of zero', '/auth', '{"ttl":0}', json, 400, 'ttl'],
    ['a ttl with a fraction', '/auth', '{"ttl":1.5}', json, 400, 'ttl'],
    ['a ttl that is a text', '/auth', '{"ttl":"60"}', json, 400, 'ttl'],
    ['a number beyond exactness', '/auth', '{"n":9007199254740993}', json, 400, 'n'],
    ...['iss', 'iat', 'nbf', 'exp', 'jti'].map((name) =>
      [`the reserved claim ${name}`, '/auth', `{"${name}":1}`, json, 400, name] as const),
    ['a reserved claim in a form', '/auth', 'exp=1', form, 400, 'exp'],
    ['a repeated form parameter', '/auth', 'sub=a&sub=b', form, 400, 'sub'],
    ['an unknown form parameter', '/auth', 'role=admin', form, 400, 'role'],
    ['a form ttl that is no number', '/auth', 'ttl=long', form, 400, 'ttl'],
    ['broken percent encoding', '/auth', 'sub=%zz', form, 400, 'sub'],
    ['a repeated query parameter', '/auth?expired=true&expired=true', '', json, 400, 'expired'],
    ['an unknown query parameter', '/auth?expire=true', '', json, 400, 'expire'],
    ['an odd value of expired', '/auth?expired=yes', '', json, 400, 'expired'],
  ]
  for (const [what, path, content, type, status, member] of refused) {
    it(`refuses ${what} with ${status}${member === undefined ? '' : ` naming ${member}`}`, async () => {
      const headers = { 'content-type': type }
      const response = await fetch(`${server.url}${path}`, { method: 'POST', body: content, headers })
      const body = await response.json() as Record<string, unknown>
      assert.equal(response.status, status, JSON.stringify(body))
      assert.equal(response.headers.get('content-type'), 'application/problem+json')
      assert.equal(body['status'], status)
      assert.equal(body['member'], member)
    })
  }

  it('takes ttl from a form as digits', async () => {
    const claims = await claimsOf(post('/auth', 'ttl=60', { 'content-type': form }))
    assert.equal(Number(claims['exp']) - Number(claims['iat']), 60)
  })

  it('refuses malformed Basic credentials, and ignores other schemes', async () => {
    assert.equal((await post('/auth', undefined, { authorization: 'Basic %%%' })).status, 400)
    assert.equal((await post('/auth', undefined, { authorization: 'Bearer abc' })).status, 200)
  })

  it('refuses a body over 16 KiB with 413', async () => {
    assert.equal((await postJson({ sub: 'x', pad: 'y'.repeat(16 * 1024) })).status, 413)
  })

  it('D7 answers an allowed origin by its name, and never with a star', async () => {
    const { status, headers } = await post('/auth', undefined, { origin: 'http://localhost:3000' })
    assert.equal(status, 200)
    assert.equal(headers.get('access-control-allow-origin'), 'http://localhost:3000')
    assert.equal(headers.get('access-control-allow-credentials'), null)
    assert.match(headers.get('vary') ?? '', /origin/i)
  })

  it('D6 gives no token to a page of a foreign origin', async () => {
    for (const origin of ['http://evil.example', 'null', 'http://localhost:3001']) {
      assert.equal((await post('/auth', undefined, { origin })).status, 403, origin)
    }
  })

  it('tells the log who signed and the id, and nothing of the token', async () => {
    const { body } = await postJson({ sub: 'secret-subject' })
    const event = server.events.findLast(({ name }) => name === 'token.minted')
    assert.ok(event?.name === 'token.minted')
    assert.equal(event.kid, body['kid'])
    assert.equal(event.jti, decodeToken(String(body['token'])).claims['jti'])
    assertCleanLog(JSON.stringify(server.events), 'the events')
    assert.doesNotMatch(JSON.stringify(server.events), /secret-subject/)
  })
})
