import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { seconds } from '../../src/core/time.ts'
import { type Listener, listener } from '../../src/http/listener.ts'
import { reply } from '../../src/http/reply.ts'
import { router } from '../../src/http/router.ts'
import { exchange } from '../support/raw-socket.ts'

const running = new Set<Listener>()
after(() => Promise.all([...running].map((server) => server.close(seconds(0)))))

interface Started {
  readonly port: number
  /** How many handlers run now, and how many ran at once at most. */
  readonly count: { now: number; most: number; all: number }
}

/** A listener whose handlers take a millisecond, or none at `/now`. */
async function start(maxConnections = 4096): Promise<Started> {
  const count = { now: 0, most: 0, all: 0 }
  const work = async () => {
    count.now += 1
    count.all += 1
    count.most = Math.max(count.most, count.now)
    await sleep(1)
    count.now -= 1
    return reply(200, {}, 'later')
  }
  const at = () => {
    count.all += 1
    return reply(200, {}, 'now')
  }
  const server = listener({ onFault: (error) => assert.fail(String(error)), maxConnections })
  running.add(server)
  const bound = await server.listen({ host: '127.0.0.1', port: 0 }, () => router([
    { path: '/later', cors: 'unreadable', methods: { GET: work, POST: work } },
    { path: '/now', cors: 'unreadable', methods: { GET: at, POST: at } },
  ]))
  assert.ok(bound.ok)
  return { port: Number(new URL(bound.value).port), count }
}

const HOST = 'Host: localhost\r\n'
const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\n${HOST}${more}\r\n`
const post = (path: string): string => `POST ${path} HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\nhi`
const LAST = 'Connection: close\r\n'

function open(port: number): Socket {
  return connect(port, '127.0.0.1').on('error', () => {}).resume()
}

async function answered(socket: Socket, path: string): Promise<void> {
  socket.write(get(path))
  await once(socket, 'data')
}

describe('the connections of a listener', () => {
  for (const [what, request] of [['GET', get('/later')], ['POST', post('/later')]] as const) {
    it(`E22 runs one handler of a connection at a time, and answers every pipelined ${what} in order`, async () => {
      const { port, count } = await start()
      const { statuses } = await exchange(port, request.repeat(300) + get('/now', LAST), undefined, 30)
      assert.deepEqual([statuses.length, count.most], [301, 1])
      assert.ok(statuses.every((status) => status === 200))
    })
  }

  for (const path of ['/later', '/now', '/none']) {
    it(`E22 serves others in turn while one client pipelines 20,000 requests for ${path}`, async () => {
      const { port, count } = await start()
      const pipelining = open(port)
      pipelining.write(get(path).repeat(20_000))
      await once(pipelining, 'data')
      const waits: number[] = []
      for (let at = 0; at < 40; at += 1) {
        const [before, sent] = [count.all, performance.now()]
        assert.deepEqual((await exchange(port, get('/now', LAST))).statuses, [200])
        waits.push(performance.now() - sent)
        // One request of ours, and one of the other for each turn of the event loop that ours needs.
        assert.ok(count.all - before < 50, `${count.all - before} others were served first`)
      }
      const [least = 0] = waits.toSorted((one, other) => one - other)
      assert.ok(least < 50, `the shortest wait was ${least} ms`)
      pipelining.destroy()
    })
  }

  it('E22 E8 reads no further while requests wait, and goes on when the client reads', async () => {
    const { port, count } = await start()
    const pipelining = connect(port, '127.0.0.1').on('error', () => {})
    const total = 100_000
    pipelining.write(get('/later').repeat(total))
    await sleep(500)
    const { all } = count
    assert.ok(all < total / 10, `${all} handlers ran within half a second`)
    assert.ok(pipelining.bytesWritten > 0 && pipelining.writableLength > 0, 'everything was read at once')
    pipelining.destroy()
    await sleep(100)
    const ended = count.all
    await sleep(100)
    assert.equal(count.all, ended, 'handlers run for a client that is gone')
  })

  it('E8 keeps few requests in all: who fills the queue beyond that is cut, and nobody else', async () => {
    const { port } = await start()
    const flood = Array.from({ length: 40 }, () => open(port))
    await Promise.all(flood.map((socket) => once(socket, 'connect')))
    const modest = exchange(port, get('/later').repeat(2) + get('/later', LAST), undefined, 30)
    for (const socket of flood) socket.write(get('/later').repeat(1500))
    const cut = flood.map((socket) => once(socket, 'close'))
    await Promise.race(cut)
    assert.equal((await modest).statuses.length, 3)
    assert.deepEqual((await exchange(port, get('/now', LAST))).statuses, [200])
    for (const socket of flood) socket.destroy()
  })

  it('E8 shares a long document among clients that do not read it', async () => {
    const server = listener({ onFault: (error) => assert.fail(String(error)) })
    running.add(server)
    const long = reply(200, {}, 'x'.repeat(16_000_000))
    const route = { path: '/long', cors: 'public', methods: { GET: () => long } } as const
    const bound = await server.listen({ host: '127.0.0.1', port: 0 }, () => router([route]))
    assert.ok(bound.ok)
    const port = Number(new URL(bound.value).port)
    const { rss } = process.memoryUsage()
    const silent = Array.from({ length: 30 }, () => connect(port, '127.0.0.1').on('error', () => {}).pause())
    for (const socket of silent) socket.write(get('/long'))
    await sleep(500)
    const grown = process.memoryUsage().rss - rss
    assert.ok(grown < 100_000_000, `${grown} bytes more`)
    assert.equal((await (await fetch(`http://127.0.0.1:${port}/long`)).text()).length, 16_000_000)
    for (const socket of silent) socket.destroy()
  })

  it('D4 lets 300 idle connections of one client keep nobody out', async () => {
    const { port } = await start(300)
    const idle: Socket[] = []
    while (idle.length < 400) {
      const socket = open(port)
      await answered(socket, '/now')
      idle.push(socket)
    }
    for (let at = 0; at < 50; at += 1) assert.deepEqual((await exchange(port, get('/later', LAST))).statuses, [200])
    assert.ok(idle.slice(0, 100).every(({ closed }) => closed), 'the idlest are closed')
    const kept = idle.at(-1) as Socket
    await answered(kept, '/now')
    for (const socket of idle) socket.destroy()
  })

  for (const [what, said] of [
    ['say nothing', ''],
    ['send half a head', 'GET /now HTTP/1.1\r\n'],
    ['send half a body', `POST /now HTTP/1.1\r\n${HOST}Content-Length: 9\r\n\r\nhi`],
  ]) {
    it(`D4 lets as many connections as there may be, that ${what}, keep nobody out`, async () => {
      const { port } = await start(50)
      const silent = Array.from({ length: 80 }, () => open(port))
      for (const socket of silent) socket.write(said ?? '')
      await Promise.all(silent.map((socket) => once(socket, 'connect')))
      for (let at = 0; at < 60; at += 1) assert.deepEqual((await exchange(port, get('/later', LAST))).statuses, [200])
      for (const socket of silent) socket.destroy()
    })
  }
})
