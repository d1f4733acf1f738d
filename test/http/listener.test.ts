import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, before, beforeEach, describe, it } from 'node:test'
import { seconds } from '../../src/core/time.ts'
import type { Call } from '../../src/http/call.ts'
import { type Listener, listener } from '../../src/http/listener.ts'
import { json, reply } from '../../src/http/reply.ts'
import { PUBLIC, router } from '../../src/http/router.ts'
import { exchange, isWhole } from '../support/raw-socket.ts'
import { assertNothingUncaught } from '../support/uncaught.ts'

let server: Listener
let port: number
let calls: Call[] = []
const faults: unknown[] = []

before(async () => {
  server = listener({ onFault: (error) => faults.push(error), maxConnections: 4096 })
  const record = (call: Call): void => void calls.push(call)
  const bound = await server.listen({ host: '127.0.0.1', port: 0 }, () => router([
    {
      path: '/echo',
      cors: new Set(['http://allowed.example']),
      methods: {
        POST: (call) => {
          record(call)
          return json(200, { body: Buffer.from(call.body).toString() })
        },
      },
    },
    {
      path: '/page',
      cors: 'public',
      methods: {
        GET: (call) => {
          record(call)
          return json(200, { path: call.path, query: call.query }, PUBLIC)
        },
      },
    },
    { path: '/throw', cors: new Set(), methods: { GET: () => { throw new Error('secret detail') } } },
    { path: '/reject', cors: new Set(), methods: { POST: async () => { throw new Error('secret detail') } } },
    {
      path: '/slow',
      cors: new Set(),
      methods: { GET: () => new Promise((resolve) => setTimeout(() => resolve(reply(200, {})), 300)) },
    },
  ]))
  assert.ok(bound.ok)
  port = Number(new URL(bound.value).port)
})
after(() => server.close(seconds(1)))
beforeEach(() => {
  calls = []
})

const HOST = 'Host: localhost\r\n'
const JSON_TYPE = 'Content-Type: application/json\r\n'
const get = (extra: string): string => `GET /page HTTP/1.1\r\n${HOST}${extra}\r\n`
const post = (headers: string, body: string): string =>
  `POST /echo HTTP/1.1\r\n${HOST}${JSON_TYPE}${headers}\r\n${body}`
const CHUNKED = 'Transfer-Encoding: chunked\r\n'
const lines = (count: number): string => Array.from({ length: count }, (_, at) => `X-${at}: 1\r\n`).join('')

/** Number of the statement, what is wrong, the bytes, and the statuses that are right; 0 stands for a bare close. */
const MALFORMED: readonly (readonly [string, string, string, readonly number[]])[] = [
  ['D3', 'Content-Length beside Transfer-Encoding', post(`Content-Length: 4\r\n${CHUNKED}`, '0\r\n\r\n'), [400]],
  ['D3', 'Transfer-Encoding beside Content-Length', post(`${CHUNKED}Content-Length: 4\r\n`, '0\r\n\r\n'), [400]],
  ['D3', 'two different lengths', post('Content-Length: 4\r\nContent-Length: 5\r\n', 'abcd'), [400]],
  ['D3', 'the same length twice', post('Content-Length: 4\r\nContent-Length: 4\r\n', 'abcd'), [400]],
  ['D3', 'a list of lengths', post('Content-Length: 4, 4\r\n', 'abcd'), [400]],
  ['D3', 'a length with a plus', post('Content-Length: +4\r\n', 'abcd'), [400]],
  ['D3', 'a negative length', post('Content-Length: -4\r\n', 'abcd'), [400]],
  ['D3', 'a hexadecimal length', post('Content-Length: 0x4\r\n', 'abcd'), [400]],
  ['D3', 'an empty length', post('Content-Length: \r\n', 'abcd'), [400]],
  ['D3', 'a length beyond any number', post('Content-Length: 99999999999999999999999\r\n', 'abcd'), [400]],
  ['D3', 'Transfer-Encoding twice', post(`${CHUNKED}${CHUNKED}`, '0\r\n\r\n'), [400]],
  ['D3', 'Transfer-Encoding identity', post('Transfer-Encoding: identity\r\n', 'abcd'), [501, 400]],
  ['D3', 'an unknown Transfer-Encoding', post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'), [501, 400]],
  ['D3', 'a coding before chunked', post('Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'), [501]],
  ['D3', 'a coding before chunked, on a line of its own', post(`Transfer-Encoding: gzip\r\n${CHUNKED}`, '0\r\n\r\n'), [501, 400]],
  ['D3', 'chunked not last', post('Transfer-Encoding: chunked, gzip\r\n', '0\r\n\r\n'), [400]],
  ['D3', 'a space before the colon', post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'), [400]],
  ['D3', 'an obsolete fold', get('X-A: 1\r\n folded\r\n'), [400]],
  ['D3', 'a bare LF between lines', `GET /page HTTP/1.1\n${HOST}\r\n`, [400]],
  ['D3', 'a bare LF at the end of a header', `GET /page HTTP/1.1\r\nHost: localhost\n\r\n`, [400]],
  ['D3', 'a bare CR in a header', get('X-A: 1\r2\r\n'), [400]],
  ['D3', 'a NUL in a header', get('X-A: 1\u00002\r\n'), [400]],
  ['D3', 'a header without a name', get(': 1\r\n'), [400]],
  ['D3', 'a header without a colon', get('nonsense\r\n'), [400]],
  ['D3', 'a space in a header name', get('X A: 1\r\n'), [400]],
  ['D3', 'a chunk size that is no number', post(CHUNKED, 'zz\r\nabc\r\n0\r\n\r\n'), [400]],
  ['D3', 'a chunk that is longer than it says', post(CHUNKED, '2\r\nabcd\r\n0\r\n\r\n'), [400]],
  ['D3', 'a chunk ended by LF', post(CHUNKED, '4\nabcd\n0\n\n'), [400]],
  ['D3', 'a chunk size beyond any number', post(CHUNKED, 'fffffffffffffffff\r\n'), [400]],
  ['D3', 'a chunk extension of 20 kB', post(CHUNKED, `1;${'x'.repeat(20_000)}\r\na\r\n0\r\n\r\n`), [413, 400]],
  ['D4', 'a header of 20 kB', get(`X-A: ${'x'.repeat(20_000)}\r\n`), [431]],
  ['D4', 'a body that is announced too long', post('Content-Length: 16385\r\n', 'x'), [413]],
  ['D4', 'a chunked body that grows too long', post(CHUNKED, `4001\r\n${'x'.repeat(0x4001)}\r\n0\r\n\r\n`), [413]],
  ['D4', 'a target of 3,000 characters', `GET /page?${'x'.repeat(3000)} HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ['D16', 'no Host', 'GET /page HTTP/1.1\r\nX-A: 1\r\n\r\n', [400]],
  ['D16', 'no header at all', 'GET /page HTTP/1.1\r\n\r\n', [400]],
  ['D16', 'two Host lines', get('Host: localhost\r\n'), [400]],
  ['D16', 'an empty Host', 'GET /page HTTP/1.1\r\nHost:\r\n\r\n', [400]],
  ['D16', 'a Host with a path', 'GET /page HTTP/1.1\r\nHost: localhost/x\r\n\r\n', [400]],
  ['D16', 'a Host with a user', 'GET /page HTTP/1.1\r\nHost: a@localhost\r\n\r\n', [400]],
  ['D16', 'a Host with a space', 'GET /page HTTP/1.1\r\nHost: local host\r\n\r\n', [400]],
  ['D16', 'two Authorization lines', post('Authorization: Basic YTpi\r\nAuthorization: Basic YTpj\r\n', ''), [400]],
  ['D16', 'two Content-Type lines', post('Content-Type: text/plain\r\nContent-Length: 1\r\n', 'x'), [400]],
  ['D16', 'two DPoP lines', post('DPoP: a\r\nDPoP: b\r\n', ''), [400]],
  ['D16', 'two Origin lines', post('Origin: http://allowed.example\r\nOrigin: http://evil.example\r\n', ''), [400]],
  ['D16', 'Transfer-Encoding on HTTP/1.0', `POST /echo HTTP/1.0\r\n${HOST}${CHUNKED}\r\n0\r\n\r\n`, [400]],
  ['D16', 'a body on GET', get('Content-Length: 4\r\n').concat('abcd'), [400]],
  ['D16', 'a chunked body on GET', get('Transfer-Encoding: chunked\r\n').concat('0\r\n\r\n'), [400]],
  ['D16', 'a body on HEAD', `HEAD /page HTTP/1.1\r\n${HOST}Content-Length: 4\r\n\r\nabcd`, [400]],
  ['D16', 'a body on OPTIONS', `OPTIONS /page HTTP/1.1\r\n${HOST}Content-Length: 4\r\n\r\nabcd`, [400]],
  ['D16', 'TRACE', `TRACE /page HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, [405]],
  ['D16', 'CONNECT', `CONNECT evil.example:443 HTTP/1.1\r\n${HOST}\r\n`, [400, 405]],
  ['D16', 'an absolute target', `GET http://evil.example/page HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ['D16', 'an asterisk target', `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ['D16', 'encoded dots', `GET /%2e%2e/page HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ['D16', 'an encoded letter', `GET /%70age HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ['D16', 'dot segments', `GET /x/../page HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ['D16', 'a backslash', `GET /\\page HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ['D16', 'a fragment', `GET /page#x HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ['D16', 'a byte beyond ASCII', `GET /p\u00e4ge HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ['D16', 'HTTP/2.0 in the request line', `GET /page HTTP/2.0\r\n${HOST}\r\n`, [400, 505]],
  ['D16', 'HTTP/3.7 in the request line', `GET /page HTTP/3.7\r\n${HOST}\r\n`, [400, 505]],
  ['D16', 'an unknown method', `HACK /page HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ['D16', 'a TLS hello', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\r\n\r\n', [400]],
  ['D17', '65 header lines', get(lines(64)), [431]],
  ['D17', '500 header lines', get(lines(499)), [431]],
  ['D18', 'a compressed body', post('Content-Encoding: gzip\r\nContent-Length: 4\r\n', 'abcd'), [415]],
  ['D18', 'a body that claims identity', post('Content-Encoding: identity\r\nContent-Length: 4\r\n', 'abcd'), [415]],
  ['D3', 'an unknown expectation', post('Expect: 200-ok\r\nContent-Length: 4\r\n', 'abcd'), [417]],
]

describe('listener() before malformed requests', () => {
  for (const [statement, what, bytes, expected] of MALFORMED) {
    it(`${statement} refuses ${what}`, async () => {
      const { statuses, text, closed } = await exchange(port, bytes)
      assert.equal(statuses.length, 1, text)
      assert.ok(expected.includes(statuses[0] ?? 0), text.slice(0, 400))
      assert.ok(closed, 'the connection was left open')
      assert.match(text, /^x-content-type-options: nosniff\r$/im)
      assert.match(text, /^connection: close\r$/im)
      assert.equal(calls.length, 0, 'a handler ran')
    })
  }

  it('D17 lets 64 header lines through', async () => {
    const { statuses } = await exchange(port, get(`${lines(62)}Connection: close\r\n`))
    assert.deepEqual(statuses, [200])
  })

  it('D9 reads a __proto__ header as any other', async () => {
    const { statuses } = await exchange(port, get('__proto__: x\r\nconstructor: y\r\nConnection: close\r\n'))
    assert.deepEqual(statuses, [200])
    assert.equal(calls[0]?.header('host'), 'localhost')
  })

  it('D3 treats what follows a request as the next request, and never as both', async () => {
    const smuggled = get('').concat(get('Connection: close\r\n'))
    const headers = `Content-Length: ${smuggled.length}\r\nConnection: close\r\n`
    const { statuses } = await exchange(port, post(headers, smuggled))
    assert.deepEqual([statuses, calls.map(({ path }) => path)], [[200], ['/echo']])
  })
})

/** A listener of its own with a request to come whose answer waits until it is let go. */
async function withWaiting(maxConnections = 16) {
  const other = listener({ onFault: () => {}, maxConnections })
  let release: (() => void) | undefined
  const bound = await other.listen({ host: '127.0.0.1', port: 0 }, () => router([{
    path: '/wait',
    cors: new Set(),
    methods: { GET: () => new Promise((resolve) => release = () => resolve(reply(200, {}))) },
  }]))
  assert.ok(bound.ok)
  const otherPort = Number(new URL(bound.value).port)
  const wait = async (enough?: (text: string) => boolean) => {
    const answer = exchange(otherPort, `GET /wait HTTP/1.1\r\n${HOST}\r\n`, enough)
    while (release === undefined) await new Promise((resolve) => setImmediate(resolve))
    return { answer, release: release as () => void }
  }
  return { other, otherPort, wait }
}

describe('listener()', () => {
  it('answers pipelined requests in order', async () => {
    const requests = [get(''), post('Content-Length: 2\r\n', 'hi'), get('Connection: close\r\n')]
    const { statuses } = await exchange(port, requests.join(''))
    assert.deepEqual([statuses, calls.map(({ path }) => path)], [[200, 200, 200], ['/page', '/echo', '/page']])
  })

  it('D3 refuses a malformed request on a connection that it has answered before', async () => {
    let isFirst = true
    const { statuses, closed } = await new Promise<Awaited<ReturnType<typeof exchange>>>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk.toString()
        if (isFirst && isWhole(text)) socket.write('GET /page HTTP/1.1\r\nHost : localhost\r\n\r\n')
        isFirst = isFirst && !isWhole(text)
      })
      socket.on('close', () => {
        const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
        resolve({ statuses, text, closed: true })
      })
      socket.write(get(''))
    })
    assert.deepEqual([statuses, closed], [[200, 400], true])
  })

  for (const [what, behind] of [
    ['a malformed request', 'GET /page HTTP/1.1\r\nHost : x\r\n\r\n'],
    ['two malformed requests', 'x\r\n\r\ny\r\n\r\n'],
  ]) {
    it(`D3 never answers ${what} ahead of the request before, whose handler or body still waits`, async () => {
      for (const first of [`GET /slow HTTP/1.1\r\n${HOST}\r\n`, post('Content-Length: 2\r\n', 'hi')]) {
        const { statuses, closed } = await exchange(port, first + behind)
        assert.deepEqual([statuses, closed], [[200], true], first)
      }
    })
  }

  it('D3 never answers a CONNECT ahead of the request before', async () => {
    const requests = `GET /slow HTTP/1.1\r\n${HOST}\r\nCONNECT a:1 HTTP/1.1\r\n${HOST}\r\n`
    const { statuses, closed } = await exchange(port, requests)
    assert.ok(statuses.every((status) => status === 200) && closed, String(statuses))
  })

  it('takes dots in a query for what they are', async () => {
    const { statuses } = await exchange(port, `GET /page?x=/../y HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)
    assert.deepEqual(statuses, [200])
  })

  it('reads a chunked body, and one that waited for 100-continue', async () => {
    const chunks = '2\r\nab\r\n1\r\nc\r\n0\r\n\r\n'
    const chunked = await exchange(port, post(`${CHUNKED}Connection: close\r\n`, chunks))
    assert.match(chunked.text, /\{"body":"abc"\}/)
    const headers = 'Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n'
    const expecting = await exchange(port, post(headers, 'hi'))
    assert.match(expecting.text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /)
  })

  it('does not invite a body that it would refuse', async () => {
    const { statuses } = await exchange(port, post('Expect: 100-continue\r\nContent-Length: 99999\r\n', ''))
    assert.deepEqual(statuses, [413])
  })

  it('lets a refusal reach a client that is still sending', async () => {
    const { statuses } = await exchange(port, post('Content-Length: 5000000\r\n', 'x'.repeat(5_000_000)))
    assert.deepEqual(statuses, [413])
  })

  it('D1 answers HEAD like GET without its body', async () => {
    const head = await exchange(port, `HEAD /page HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)
    const whole = await exchange(port, get('Connection: close\r\n'))
    const withoutDate = (text: string): string => text.replace(/^date: .*\r\n/im, '')
    assert.equal(withoutDate(head.text), withoutDate(whole.text).split('\r\n\r\n')[0] + '\r\n\r\n')
  })

  it('D1 answers 405 with Allow to another method, and 404 elsewhere', async () => {
    const refused = await exchange(port, `DELETE /page HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)
    assert.deepEqual(refused.statuses, [405])
    assert.match(refused.text, /^allow: GET, HEAD, OPTIONS\r$/m)
    const absent = await exchange(port, `GET /pages HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)
    assert.deepEqual(absent.statuses, [404])
    assert.match(absent.text, /"status":404/)
  })

  for (const [path, method] of [['/throw', 'GET'], ['/reject', 'POST']]) {
    it(`D13 answers a bare 500 when ${path} fails, reports it once, and goes on`, async () => {
      faults.length = 0
      const { text } = await exchange(port, `${method} ${path} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`)
      assert.match(text, /^HTTP\/1\.1 500 /)
      assert.match(text, /\{"type":"about:blank","title":"Internal Server Error","status":500\}\n$/)
      assert.doesNotMatch(text, /secret/)
      assert.equal(faults.length, 1)
      assert.deepEqual((await exchange(port, get('Connection: close\r\n'))).statuses, [200])
    })
  }

  it('keeps a connection for the next request', async () => {
    const { text } = await exchange(port, get(''), isWhole)
    assert.match(text, /^connection: keep-alive\r$/im)
  })

  it('cuts a client that never finishes its head, and answers 408', async () => {
    const { statuses, closed } = await exchange(port, 'GET /page HTTP/1.1\r\nHost: local')
    assert.deepEqual([statuses, closed], [[408], true])
  })

  it('cuts a client that never finishes its body, and answers 408', async () => {
    const { statuses, closed } = await exchange(port, post('Content-Length: 10\r\n', 'x'))
    assert.deepEqual([statuses, closed], [[408], true])
  })

  it('D5 serves others while 1,000 clients send a byte now and then', async () => {
    const request = post('Content-Length: 1000\r\n', '')
    const drip: Socket[] = []
    for (let at = 0; at < 1000; at += 1) drip.push(connect(port, '127.0.0.1').on('error', () => {}).resume())
    await Promise.all(drip.map((socket) => once(socket, 'connect')))
    let at = 0
    const timer = setInterval(() => {
      for (const socket of drip) if (socket.writable) socket.write(request.charAt(at) || 'x')
      at += 1
    }, 200)
    const served: number[] = []
    while (served.length < 400 && drip.some((socket) => !socket.closed)) {
      served.push((await exchange(port, get('Connection: close\r\n'))).statuses[0] ?? 0)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    clearInterval(timer)
    assert.ok(drip.every((socket) => socket.closed), 'the slow clients were cut')
    assert.ok(served.length > 20 && served.every((status) => status === 200), `${served.length} served`)
  })

  it('says in a sentence why it cannot listen', async () => {
    const second = await listener({ onFault: () => {} }).listen({ host: '127.0.0.1', port }, () => router([]))
    assert.deepEqual(second, { ok: false, error: 'it is in use' })
    const nowhere = await listener({ onFault: () => {} }).listen({ host: '203.0.113.1', port: 0 }, () => router([]))
    assert.deepEqual(nowhere, { ok: false, error: 'this machine does not have the address' })
  })

  it('writes an IPv6 address in brackets', async () => {
    const other = listener({ onFault: () => {} })
    const bound = await other.listen({ host: '::1', port: 0 }, () => router([]))
    if (bound.ok) assert.match(bound.value, /^http:\/\/\[::1\]:\d+$/)
    else assert.equal(bound.error, 'this machine does not have the address')
    if (bound.ok) await other.close(seconds(1))
  })

  it('ends a connection that never said a word soon after it closes, and not after the grace', async () => {
    const other = listener({ onFault: () => {} })
    const bound = await other.listen({ host: '127.0.0.1', port: 0 }, () => router([]))
    assert.ok(bound.ok)
    const otherPort = Number(new URL(bound.value).port)
    const silent = connect(otherPort, '127.0.0.1').on('error', () => {}).resume()
    await once(silent, 'connect')
    // Connections are taken in order: once this one is answered, the silent one is there. The limit on silence would
    // end it too, but later than we wait.
    assert.deepEqual((await exchange(otherPort, get('Connection: close\r\n'))).statuses, [404])
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      silent.destroy()
    }, 8000)
    await other.close(seconds(60))
    clearTimeout(timer)
    assert.equal(isLate, false)
  })

  it('answers the first request of a connection that was on its way when it closed', async () => {
    const other = listener({ onFault: () => {} })
    const bound = await other.listen({ host: '127.0.0.1', port: 0 }, () => router([]))
    assert.ok(bound.ok)
    const otherPort = Number(new URL(bound.value).port)
    const fresh = connect(otherPort, '127.0.0.1')
    await once(fresh, 'connect')
    assert.deepEqual((await exchange(otherPort, get('Connection: close\r\n'))).statuses, [404])
    const closed = other.close(seconds(60))
    await new Promise(setImmediate)
    fresh.write(get(''))
    const [answer] = await Promise.race([once(fresh, 'data'), once(fresh, 'close')]) as [unknown]
    assert.match(String(answer), /^HTTP\/1\.1 404 [\s\S]*connection: close/i)
    await closed
  })

  it('D4 closes the connection with the oldest request for one too many, and not one that waits for us', async (t) => {
    const { other, otherPort, wait } = await withWaiting(3)
    t.after(() => other.close(seconds(0)))
    const { answer, release } = await wait((text) => isWhole(text))
    const ask = async (socket: Socket): Promise<void> => {
      socket.write(get(''))
      await once(socket, 'data')
    }
    const [first, second] = [connect(otherPort, '127.0.0.1'), connect(otherPort, '127.0.0.1')]
    await ask(first)
    await ask(second)
    await ask(first)
    const third = connect(otherPort, '127.0.0.1')
    await Promise.all([once(second, 'close'), ask(third)])
    await ask(first)
    release()
    assert.deepEqual((await answer).statuses, [200])
    for (const socket of [first, third]) socket.destroy()
  })

  it('lets a running request finish when it closes, as the last of its connection', async () => {
    const { other, otherPort, wait } = await withWaiting()
    const idle = connect(otherPort, '127.0.0.1').on('error', () => {})
    await once(idle, 'connect')
    const { answer, release } = await wait()
    const closed = other.close(seconds(3))
    release()
    assert.match((await answer).text, /^HTTP\/1\.1 200 [\s\S]*connection: close/i)
    await closed
  })
})

describe('the process of a listener', () => {
  it('D13 met no error that nobody caught in all of the above', () => {
    assertNothingUncaught()
  })
})
