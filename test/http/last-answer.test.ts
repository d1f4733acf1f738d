import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, beforeEach, describe, it } from 'node:test'
import { seconds } from '../../src/core/time.ts'
import { type Listener, listener } from '../../src/http/listener.ts'
import { json, type Reply } from '../../src/http/reply.ts'
import { PUBLIC, type Route, router } from '../../src/http/router.ts'
import { exchange } from '../support/raw-socket.ts'

let server: Listener
let port: number
let ran: string[] = []

function recorded(path: string): Reply {
  ran.push(path)
  return json(200, { path }, PUBLIC)
}

const ROUTES: readonly Route[] = [
  { path: '/page', cors: 'public', methods: { GET: () => recorded('/page') } },
  { path: '/echo', cors: new Set(), methods: { POST: () => recorded('/echo') } },
]

async function start(): Promise<[Listener, number]> {
  const started = listener({ onFault: (error) => assert.fail(String(error)) })
  const bound = await started.listen({ host: '127.0.0.1', port: 0 }, () => router(ROUTES))
  assert.ok(bound.ok)
  return [started, Number(new URL(bound.value).port)]
}

before(async () => {
  [server, port] = await start()
})
after(() => server.close(seconds(1)))
beforeEach(() => {
  ran = []
})

const HOST = 'Host: localhost\r\n'
const GET = `GET /page HTTP/1.1\r\n${HOST}\r\n`
const POST = `POST /echo HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\nx`
const CONNECT = `CONNECT evil.example:443 HTTP/1.1\r\n${HOST}\r\n`
const MALFORMED = 'GET /page HTTP/1.1\r\nHost : localhost\r\n\r\n'
const LAST = `GET /page HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`

const REFUSED: readonly (readonly [string, string, number])[] = [
  ['a request with two Host lines', `GET /page HTTP/1.1\r\n${HOST}${HOST}\r\n`, 400],
  ['Transfer-Encoding on HTTP/1.0', `POST /echo HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a body on GET', `GET /page HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabc`, 400],
  ['a body that is too long', `POST /echo HTTP/1.1\r\n${HOST}Content-Length: 16385\r\n\r\n${'x'.repeat(16_385)}`, 413],
  ['a body for an unknown path', `POST /none HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\nx`, 404],
  ['an unknown expectation', `POST /echo HTTP/1.1\r\n${HOST}Expect: 200-ok\r\nContent-Length: 1\r\n\r\nx`, 417],
  ['a malformed request', MALFORMED, 400],
  ['CONNECT', CONNECT, 405],
]

const BEHIND: readonly (readonly [string, string])[] = [
  ['GET', GET],
  ['POST', POST],
  ['CONNECT', CONNECT],
  ['a malformed request', MALFORMED],
  ['100-continue', `POST /echo HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 1\r\n\r\nx`],
  ['an unknown expectation', `POST /echo HTTP/1.1\r\n${HOST}Expect: 200-ok\r\nContent-Length: 1\r\n\r\nx`],
]

describe('listener() after the last answer of a connection', () => {
  for (const [what, refused, status] of REFUSED) {
    it(`D3 answers ${what} once, and runs nothing that is pipelined behind it`, async () => {
      for (const [name, behind] of BEHIND) {
        const { statuses, closed } = await exchange(port, refused + behind)
        assert.deepEqual([statuses, closed, ran], [[status], true, []], name)
      }
    })
  }

  for (const [name, behind] of BEHIND) {
    it(`D3 answers a request with Connection: close once, whatever follows: ${name}`, async () => {
      const { statuses, closed } = await exchange(port, LAST + behind)
      assert.deepEqual([statuses, closed, ran], [[200], true, ['/page']])
    })
  }

  for (const [what, bytes] of REFUSED) {
    it(`D13 goes on when the client of ${what} resets the connection`, async (test) => {
      // The runner blames the hook that started the server, and lets the test pass.
      const uncaught: unknown[] = []
      const watch = (error: unknown): void => void uncaught.push(error)
      process.on('uncaughtExceptionMonitor', watch)
      test.after(() => process.off('uncaughtExceptionMonitor', watch))
      for (let attempt = 0; attempt < 10; attempt += 1) {
        const socket = connect(port, '127.0.0.1').on('error', () => {})
        socket.write(bytes)
        await once(socket, 'connect')
        setImmediate(() => socket.resetAndDestroy())
        await once(socket, 'close')
      }
      assert.deepEqual((await exchange(port, LAST)).statuses, [200])
      assert.deepEqual(uncaught, [])
    })
  }

  it('D4 ends the connection of a CONNECT although its client goes on sending', async () => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {}).resume()
    socket.write(CONNECT)
    const drip = setInterval(() => socket.write('x'), 50)
    const deadline = setTimeout(() => socket.destroy(new Error('the connection was left open')), 10_000)
    let left: Error | undefined
    socket.on('error', (error) => left = error)
    await new Promise((resolve) => socket.once('close', resolve))
    clearInterval(drip)
    clearTimeout(deadline)
    assert.doesNotMatch(String(left), /left open/)
  })
})

describe('listener()', () => {
  it('D4 cuts a client that never says a word', async () => {
    const { closed } = await exchange(port, '')
    assert.ok(closed)
  })

  for (const protocol of ['websocket', 'h2c']) {
    it(`answers a request that would upgrade to ${protocol} as any other`, async () => {
      const upgrade = `Connection: Upgrade, close\r\nUpgrade: ${protocol}\r\n`
      const got = await exchange(port, `GET /page HTTP/1.1\r\n${HOST}${upgrade}\r\n`)
      const posted = await exchange(port, `POST /echo HTTP/1.1\r\n${HOST}${upgrade}Content-Length: 1\r\n\r\nx`)
      assert.deepEqual([got.statuses, posted.statuses, ran], [[200], [200], ['/page', '/echo']])
    })
  }

  const bound = { timeout: 10_000 }
  it('closes within its grace although the client of a CONNECT stays, and may be closed again', bound, async (test) => {
    const [other, otherPort] = await start()
    const socket = connect({ port: otherPort, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {})
    test.after(() => socket.destroy())
    socket.write(CONNECT)
    await once(socket, 'data')
    await other.close(seconds(1))
    await other.close(seconds(1))
  })
})
