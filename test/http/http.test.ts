import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseBasic } from '../../src/http/basic-auth.ts'
import { isOfType } from '../../src/http/body.ts'
import type { Call } from '../../src/http/call.ts'
import { parseForm } from '../../src/http/form.ts'
import { isLoopbackAddress, isLoopbackHost } from '../../src/core/loopback.ts'
import { problem } from '../../src/http/problem.ts'
import { json, type Reply, reply } from '../../src/http/reply.ts'
import { acceptsExplicitly } from '../../src/routes/jwks.ts'
import { matchesEtag } from '../../src/routes/document.ts'
import { type Cors, PUBLIC, type Route, router } from '../../src/http/router.ts'

const textOf = (answer: Reply): string => Buffer.from(answer.body).toString()

describe('problem()', () => {
  it('writes problem+json with the member at fault, cut and with nothing that acts on a terminal', () => {
    const answer = problem(400, 'is wrong', { member: `\u001b[31m\u202e${'x'.repeat(100)}` })
    assert.equal(answer.headers['content-type'], 'application/problem+json')
    const start = '{"type":"about:blank","title":"Bad Request","status":400,"detail":"is wrong","member":"'
    assert.ok(textOf(answer).startsWith(start), textOf(answer))
    assert.doesNotMatch(textOf(answer).trimEnd(), /[\u0000-\u001f\u202e]/)
    assert.equal((JSON.parse(textOf(answer)) as { member: string }).member.length, 64)
  })
})

describe('reply()', () => {
  it('D8 puts nosniff on every answer, and lets no cache keep it unless told', () => {
    const usual = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'content-length': '0' }
    assert.deepEqual(reply(200, {}).headers, usual)
    assert.equal(json(200, 'ż').headers['content-length'], '5')
    assert.equal(reply(304, {}).headers['content-length'], undefined)
    assert.equal(reply(200, { 'cache-control': 'no-cache' }).headers['cache-control'], 'no-cache')
  })
})

describe('router()', () => {
  const call = (headers: Record<string, string> = {}, method = 'GET'): Call =>
    ({ method, path: '/a', query: '', header: (name) => ({ host: 'localhost', ...headers })[name], address: () => 'test', body: new Uint8Array() })
  const route = (cors: Cors, methods: Route['methods']): Route => ({ path: '/a', cors, methods })

  async function answered(
    routes: readonly Route[],
    method: string,
    headers: Record<string, string> = {},
    path = '/a',
  ): Promise<Reply> {
    const found = router(routes).find(method, path)
    return 'refusal' in found ? found.refusal : await found.handler(call(headers, method))
  }

  const open = [route('public', { GET: () => reply(200, PUBLIC) })]
  const closed = [route(new Set(['http://a.example']), { POST: () => reply(200, {}) })]

  it('D1 knows each path exactly, HEAD where GET is, and says what it allows', async () => {
    assert.equal((await answered(open, 'HEAD')).status, 200)
    assert.equal((await answered(open, 'GET', {}, '/a/')).status, 404)
    assert.equal((await answered(open, 'GET', {}, '/A')).status, 404)
    assert.equal((await answered(open, 'GET', {}, '/__proto__')).status, 404)
    const refused = await answered(open, 'POST')
    assert.deepEqual([refused.status, refused.headers['allow']], [405, 'GET, HEAD, OPTIONS'])
    const head = await answered(closed, 'HEAD')
    assert.deepEqual([head.status, head.headers['allow']], [405, 'POST, OPTIONS'])
    const options = await answered(open, 'OPTIONS')
    assert.deepEqual([options.status, options.headers['allow']], [204, 'GET, HEAD, OPTIONS'])
    assert.equal(options.headers['access-control-allow-origin'], undefined)
  })

  it('passes an answer of a public document through untouched', async () => {
    const made = reply(200, PUBLIC)
    assert.equal(await answered([route('public', { GET: () => made })], 'GET', { origin: 'http://any.example' }), made)
  })

  it('D7 tells a browser that everyone may read a public document, without credentials', async () => {
    const preflight = { 'origin': 'http://any.example', 'access-control-request-method': 'GET' }
    const asked = await answered(open, 'OPTIONS', preflight)
    assert.equal(asked.headers['access-control-allow-origin'], '*')
    assert.equal(asked.headers['access-control-allow-credentials'], undefined)
  })

  it('D6, D7 lets pages of the named origins alone through to what is not public', async () => {
    const ours = await answered(closed, 'POST', { origin: 'http://a.example' })
    assert.deepEqual([ours.status, ours.headers['vary']], [200, 'origin'])
    assert.equal(ours.headers['access-control-allow-origin'], 'http://a.example')
    const others = ['http://b.example', 'http://a.example:81', 'https://a.example', 'http://a.example.evil']
    for (const origin of ['null', ...others]) {
      const refused = await answered(closed, 'POST', { origin })
      assert.deepEqual([refused.status, refused.headers['access-control-allow-origin']], [403, undefined])
      const asked = await answered(closed, 'OPTIONS', { origin, 'access-control-request-method': 'POST' })
      assert.equal(asked.headers['access-control-allow-origin'], undefined)
    }
    const preflight = { 'origin': 'http://a.example', 'access-control-request-method': 'POST' }
    const asked = await answered(closed, 'OPTIONS', preflight)
    assert.equal(asked.headers['access-control-allow-origin'], 'http://a.example')
    assert.equal(asked.headers['access-control-allow-headers'], 'authorization, content-type')
  })

  it('adds the origin to an answer that comes later', async () => {
    const later = [route(new Set(['http://a.example']), { POST: async () => reply(200, {}) })]
    const { headers } = await answered(later, 'POST', { origin: 'http://a.example' })
    assert.equal(headers['access-control-allow-origin'], 'http://a.example')
  })

  it('throws when a path is registered twice', () => {
    assert.throws(() => router([...open, ...open]), /Cannot register \/a twice/)
  })
})

describe('parseForm()', () => {
  it('reads names and values as forms write them', () => {
    const form = parseForm(Buffer.from('a=1&b=%C5%BC+x&c=&d&e=1=2&&'))
    const value = new Map([['a', '1'], ['b', 'ż x'], ['c', ''], ['d', ''], ['e', '1=2']])
    assert.deepEqual(form, { ok: true, value })
  })

  for (const [what, text, member] of [
    ['a name twice', 'a=1&a=1', 'a'],
    ['a name twice in two spellings', 'a=1&%61=2', 'a'],
    ['broken percent encoding', 'a=%zz', 'a'],
    ['a broken name', '%=1', '%'],
    ['bytes that are not UTF-8', 'a=%ff', 'a'],
    ['more parameters than it counts', Array.from({ length: 257 }, (_, at) => `p${at}=1`).join('&'), ''],
  ] as const) {
    it(`refuses ${what}`, () => {
      const form = parseForm(text)
      assert.equal(!form.ok && form.error.member, member)
    })
  }

  it('refuses raw bytes that are not UTF-8', () => assert.equal(parseForm(Uint8Array.of(0xff)).ok, false))
})

describe('parseBasic()', () => {
  const encode = (text: string): string => Buffer.from(text).toString('base64')

  it('reads user and password, with colons in the password', () => {
    const value = { user: 'üser', password: 'a:b' }
    assert.deepEqual(parseBasic(`Basic ${encode('üser:a:b')}`), { ok: true, value })
    assert.deepEqual(parseBasic(`bAsIc  ${encode(':')}`), { ok: true, value: { user: '', password: '' } })
    assert.deepEqual(parseBasic(undefined), { ok: true, value: undefined })
    assert.deepEqual(parseBasic('Bearer abc'), { ok: true, value: undefined })
    assert.deepEqual(parseBasic('Basically abc'), { ok: true, value: undefined })
  })

  it('refuses what is no base64 of its own, has no colon, or holds controls', () => {
    const padding = [`${encode('a:bc')}=`, encode('a:bc').replace('=', ''), 'YTpi YTpi']
    const content = [encode('nocolon'), encode('a:\n'), Buffer.from([0xff, 0x3a]).toString('base64')]
    for (const bad of ['', '%%%', ...padding, ...content]) assert.equal(parseBasic(`Basic ${bad}`).ok, false, bad)
    assert.equal(parseBasic('Basic').ok, false)
  })
})

describe('isOfType()', () => {
  const is = (header: string | undefined): boolean => isOfType({ header: () => header }, 'application/json')

  it('takes a media type in any case, with parameters, in UTF-8', () => {
    for (const right of ['Application/JSON; Charset="UTF-8"', 'application/json', 'application/json ; v=1;charset=utf-8']) assert.ok(is(right), right)
  })

  it('takes no other type or charset, and nothing malformed', () => {
    const type = 'application/json'
    const wrong = [
      undefined, '', 'json', 'text/plain', `${type}/x`, `${type}; charset`, `${type}; charset=utf-8; charset=utf-8`, 'application /json',
      `${type};;`, `${type}; charset=latin1`, `${type}; charset="utf-8`, `${type}, text/plain`, `${type}; =x`, `${type} x`,
    ]
    for (const header of wrong) assert.ok(!is(header), String(header))
  })
})

describe('matchesEtag()', () => {
  it('D2 compares weakly, in lists, and takes a star', () => {
    for (const header of ['"x"', 'W/"x"', '"a", "x"', '"a" ,W/"x", "b"', ',"x",', '*', '"a,b","x"']) {
      assert.ok(matchesEtag(header, '"x"'), header)
    }
    const others = ['', 'x', '"X"', '"a"', '"x', '"x" "x"', 'w/"x"', '"a", x', '"*"', '*, "x" y']
    for (const header of [undefined, ...others]) assert.ok(!matchesEtag(header, '"x"'), String(header))
  })
})

describe('acceptsExplicitly()', () => {
  it('takes a media type that is named, and no wildcard', () => {
    const type = 'application/jwk-set+json'
    const weighed = [`text/html, ${type};q=0.5`, `${type}, application/json`, `application/json;q=0.5, ${type};q=0.9`]
    for (const accept of [type, 'Application/JWK-Set+JSON', ...weighed]) {
      assert.ok(acceptsExplicitly(accept, type), accept)
    }
    const unwanted = [`${type};q=0`, `${type};q=0.5, application/json`, `${type};q=x`]
    for (const accept of [undefined, '', '*/*', 'application/*', 'application/json', ...unwanted]) {
      assert.ok(!acceptsExplicitly(accept, type), String(accept))
    }
  })
})

describe('loopback', () => {
  it('D6 knows this machine by its names and addresses, and nothing that only looks like them', () => {
    const ours = ['localhost', 'LocalHost:8080', '127.0.0.1', '127.1.2.3:1', '[::1]:8080', '[::1]', 'a.localhost']
    for (const host of ours) assert.ok(isLoopbackHost(host), host)
    const names = ['', 'evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', 'evillocalhost']
    const addresses = ['127.1', '0.0.0.0', '[::]', '[::ffff:127.0.0.1]', '2130706433', '0x7f.0.0.1', '::1']
    for (const host of [...names, ...addresses, 'localhost:', 'a@localhost', '127.0.0.256']) {
      assert.ok(!isLoopbackHost(host), host)
    }
    assert.ok(isLoopbackAddress('::1'))
  })
})
