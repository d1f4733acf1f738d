import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseBasic } from '../../src/http/basic-auth.ts'
import type { Call } from '../../src/http/call.ts'
import { acceptsExplicitly, matchesEtag } from '../../src/http/conditional.ts'
import { parseForm } from '../../src/http/form.ts'
import { isLoopbackAddress, isLoopbackHost } from '../../src/core/loopback.ts'
import { parseMediaType } from '../../src/http/media-type.ts'
import { problem } from '../../src/http/problem.ts'
import { json, type Reply, reply } from '../../src/http/reply.ts'
import { type Cors, PUBLIC, type Route, router } from '../../src/http/router.ts'

const textOf = (answer: Reply): string => Buffer.from(answer.body).toString()

describe('problem()', () => {
  it('writes problem+json with the member at fault, cut and with nothing that acts on a terminal', () => {
    const answer = problem(400, 'is wrong', { member: `\u001b[31m\u202e${'x'.repeat(100)}` })
    assert.equal(answer.headers['content-type'], 'application/problem+json')
    assert.match(textOf(answer), /^\{"type":"about:blank","title":"Bad Request","status":400,"detail":"is wrong","member":"/)
    assert.doesNotMatch(textOf(answer).trimEnd(), /[\u0000-\u001f\u202e]/)
    assert.equal((JSON.parse(textOf(answer)) as { member: string }).member.length, 64)
  })
})

describe('reply()', () => {
  it('D8 puts nosniff on every answer, and lets no cache keep it unless told', () => {
    assert.deepEqual(reply(200, {}).headers, { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'content-length': '0' })
    assert.equal(json(200, 'ż').headers['content-length'], '5')
    assert.equal(reply(304, {}).headers['content-length'], undefined)
    assert.equal(reply(200, { 'cache-control': 'no-cache' }).headers['cache-control'], 'no-cache')
  })
})

describe('router()', () => {
  const call = (headers: Record<string, string> = {}, method = 'GET'): Call =>
    ({ method, path: '/a', query: '', header: (name) => headers[name], address: () => 'test', body: new Uint8Array() })
  const route = (cors: Cors, methods: Route['methods']): Route => ({ path: '/a', cors, methods })

  async function answered(routes: readonly Route[], method: string, headers: Record<string, string> = {}, path = '/a'): Promise<Reply> {
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
    assert.deepEqual([(await answered(closed, 'HEAD')).status, (await answered(closed, 'HEAD')).headers['allow']], [405, 'POST, OPTIONS'])
    const options = await answered(open, 'OPTIONS')
    assert.deepEqual([options.status, options.headers['allow'], options.headers['access-control-allow-origin']], [204, 'GET, HEAD, OPTIONS', undefined])
  })

  it('passes an answer of a public document through untouched', async () => {
    const made = reply(200, PUBLIC)
    assert.equal(await answered([route('public', { GET: () => made })], 'GET', { origin: 'http://any.example' }), made)
  })

  it('D7 tells a browser that everyone may read a public document, without credentials', async () => {
    const asked = await answered(open, 'OPTIONS', { 'origin': 'http://any.example', 'access-control-request-method': 'GET' })
    assert.equal(asked.headers['access-control-allow-origin'], '*')
    assert.equal(asked.headers['access-control-allow-credentials'], undefined)
  })

  it('D6, D7 lets pages of the named origins alone through to what is not public', async () => {
    const ours = await answered(closed, 'POST', { origin: 'http://a.example' })
    assert.deepEqual([ours.status, ours.headers['access-control-allow-origin'], ours.headers['vary']], [200, 'http://a.example', 'origin'])
    for (const origin of ['http://b.example', 'null', 'http://a.example:81', 'https://a.example', 'http://a.example.evil']) {
      const refused = await answered(closed, 'POST', { origin })
      assert.deepEqual([refused.status, refused.headers['access-control-allow-origin']], [403, undefined])
      const asked = await answered(closed, 'OPTIONS', { origin, 'access-control-request-method': 'POST' })
      assert.equal(asked.headers['access-control-allow-origin'], undefined)
    }
    const asked = await answered(closed, 'OPTIONS', { 'origin': 'http://a.example', 'access-control-request-method': 'POST' })
    assert.equal(asked.headers['access-control-allow-origin'], 'http://a.example')
    assert.equal(asked.headers['access-control-allow-headers'], 'authorization, content-type')
  })

  it('adds the origin to an answer that comes later', async () => {
    const later = [route(new Set(['http://a.example']), { POST: async () => reply(200, {}) })]
    assert.equal((await answered(later, 'POST', { origin: 'http://a.example' })).headers['access-control-allow-origin'], 'http://a.example')
  })

  it('throws when a path is registered twice', () => {
    assert.throws(() => router([...open, ...open]), /Cannot register \/a twice/)
  })
})

describe('parseForm()', () => {
  it('reads names and values as forms write them', () => {
    const form = parseForm(Buffer.from('a=1&b=%C5%BC+x&c=&d&e=1=2&&'))
    assert.deepEqual(form, { ok: true, value: new Map([['a', '1'], ['b', 'ż x'], ['c', ''], ['d', ''], ['e', '1=2']]) })
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
    assert.deepEqual(parseBasic(`Basic ${encode('üser:a:b')}`), { ok: true, value: { user: 'üser', password: 'a:b' } })
    assert.deepEqual(parseBasic(`bAsIc  ${encode(':')}`), { ok: true, value: { user: '', password: '' } })
    assert.deepEqual(parseBasic(undefined), { ok: true, value: undefined })
    assert.deepEqual(parseBasic('Bearer abc'), { ok: true, value: undefined })
    assert.deepEqual(parseBasic('Basically abc'), { ok: true, value: undefined })
  })

  it('refuses what is no base64 of its own, has no colon, or holds controls', () => {
    for (const bad of ['', '%%%', encode('nocolon'), `${encode('a:bc')}=`, encode('a:bc').replace('=', ''), encode('a:\n'), Buffer.from([0xff, 0x3a]).toString('base64'), 'YTpi YTpi']) {
      assert.equal(parseBasic(`Basic ${bad}`).ok, false, bad)
    }
    assert.equal(parseBasic('Basic').ok, false)
  })
})

describe('parseMediaType()', () => {
  it('reads type and parameters in any case', () => {
    assert.deepEqual(parseMediaType('Application/JSON; Charset="UTF-8"'), { type: 'application/json', parameters: new Map([['charset', 'UTF-8']]) })
    assert.deepEqual(parseMediaType('text/plain'), { type: 'text/plain', parameters: new Map() })
    for (const bad of ['', 'json', 'a/b/c', 'a/b; charset', 'a/b; charset=x; charset=y', 'a /b', 'a/b;;']) assert.equal(parseMediaType(bad), undefined, bad)
  })
})

describe('matchesEtag()', () => {
  it('D2 compares weakly, in lists, and takes a star', () => {
    for (const header of ['"x"', 'W/"x"', '"a", "x"', '"a" ,W/"x", "b"', ',"x",', '*', '"a,b","x"']) assert.ok(matchesEtag(header, '"x"'), header)
    for (const header of [undefined, '', 'x', '"X"', '"a"', '"x', '"x" "x"', 'w/"x"', '"a", x', '"*"', '*, "x" y']) assert.ok(!matchesEtag(header, '"x"'), String(header))
  })
})

describe('acceptsExplicitly()', () => {
  it('takes a media type that is named, and no wildcard', () => {
    const type = 'application/jwk-set+json'
    for (const accept of [type, 'Application/JWK-Set+JSON', `text/html, ${type};q=0.5`, `${type}, application/json`, `application/json;q=0.5, ${type};q=0.9`]) {
      assert.ok(acceptsExplicitly(accept, type), accept)
    }
    for (const accept of [undefined, '', '*/*', 'application/*', 'application/json', `${type};q=0`, `${type};q=0.5, application/json`, `${type};q=x`]) {
      assert.ok(!acceptsExplicitly(accept, type), String(accept))
    }
  })
})

describe('loopback', () => {
  it('D6 knows this machine by its names and addresses, and nothing that only looks like them', () => {
    for (const host of ['localhost', 'LocalHost:8080', '127.0.0.1', '127.1.2.3:1', '[::1]:8080', '[::1]', 'a.localhost']) assert.ok(isLoopbackHost(host), host)
    for (const host of ['', 'evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', 'evillocalhost', '127.1', '0.0.0.0', '[::]', '[::ffff:127.0.0.1]', '2130706433', '0x7f.0.0.1', '::1', 'localhost:', 'a@localhost', '127.0.0.256']) {
      assert.ok(!isLoopbackHost(host), host)
    }
    assert.ok(isLoopbackAddress('::1'))
  })
})
