import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { newFolder } from '../support/folder.ts'
import { end, run, SERVER, serve, type ServerProcess } from '../support/process.ts'
import { exchange, isWhole } from '../support/raw-socket.ts'
import { shareOf } from '../support/share.ts'

const FORM = 'Content-Type: application/x-www-form-urlencoded\r\n'
const LAST = 'Connection: close\r\n'

function memoryOf({ child }: Pick<ServerProcess, 'child'>): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024
}

/** Milliseconds of the processor that a process has used; the system counts in hundredths of a second. */
function cpuOf({ child }: Pick<ServerProcess, 'child'>): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

function posted(path: string, headers: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: a\r\n${FORM}${headers}Content-Length: ${body.length}\r\n\r\n${body}`
}

/** Sends requests one after another on some connections, and answers how many were answered. */
async function flood(port: number, count: number, request: (at: number) => string): Promise<number> {
  let [sent, answered] = [0, 0]
  const work = async (): Promise<void> => {
    let socket: Socket | undefined
    while (sent < count) {
      if (socket === undefined || socket.closed) socket = connect(port, '127.0.0.1').on('error', () => {})
      sent += 1
      socket.write(request(sent))
      const event = await Promise.race([once(socket, 'data').then(() => 'data', () => 'close'), once(socket, 'close')])
      if (event === 'data') answered += 1
      else socket = undefined
    }
    socket?.destroy()
  }
  await Promise.all(Array.from({ length: 48 }, work))
  return answered
}

async function clientsFile(): Promise<string> {
  const file = join(newFolder(), 'clients.json')
  const { code } = await run(['client', 'add', 'b', '--clients', file, '--audience', 'https://api', '--scope', 'read'])
  assert.equal(code, 0)
  return file
}

describe('a server in front of strangers', () => {
  const long = (at: number): string => `${at}`.padEnd(15_600, 'n')
  const assertion = (at: number): string => {
    const part = (content: object): string => Buffer.from(JSON.stringify(content)).toString('base64url')
    const claims = { iss: 'b', sub: `${at}`.padEnd(10_000, 's'), jti: `${at}`, aud: 'x', exp: 9e9 }
    return `${part({ alg: 'ES256', kid: `${at}` })}.${part(claims)}.${'A'.repeat(86)}`
  }
  const type = 'client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
  const shapes: readonly (readonly [what: string, request: (at: number) => string])[] = [
    ['names of 15,600 bytes', (at) => posted('/token', '', `client_secret=x&client_id=${long(at)}`)],
    ['names in HTTP Basic', (at) => {
      const basic = Buffer.from(`${at}${'n'.repeat(8000)}:x`).toString('base64')
      return posted('/introspect', `Authorization: Basic ${basic}\r\n`, 'token=x')
    }],
    ['assertions of strangers', (at) => posted('/token', '', `${type}&client_assertion=${assertion(at)}`)],
    ['revocations', (at) => posted('/revoke', '', `client_secret=x&client_id=${at}&token=${long(at).slice(100)}`)],
    ['unknown paths', (at) => `GET /${at}?${long(at).slice(0, 2000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
    ['header lines', (at) => {
      const lines = `X-${at}: ${at}${'x'.repeat(180)}\r\n`.repeat(60)
      return `GET /jwks.json HTTP/1.1\r\nHost: a\r\n${lines}\r\n`
    }],
    ['malformed requests', (at) => `GET /${at} HTTP/1.1\r\nHost : a\r\n\r\n`],
    ['bodies over 16 KiB', (at) => posted('/token', '', `client_id=${long(at)}${long(at)}`)],
  ]

  it('E8 keeps its memory flat under anonymous requests of every size and shape', async () => {
    const options = ['--alg', 'ES256', '--clients', await clientsFile()]
    const server = await serve(options, { NODE_OPTIONS: '--max-old-space-size=48' })
    const rounds: number[] = []
    const growth = (): number => (rounds.at(-1) ?? 0) - (rounds.at(-2) ?? 0)
    // Each round adds 60 MB if names are kept. The first ones fill what has a bound: Node.js 24 lets its heap grow longest.
    while (rounds.length < 2 || (growth() > 40 && rounds.length < 8)) {
      for (const [what, request] of shapes) {
        const count = what === 'names of 15,600 bytes' ? 4000 : shareOf(1000)
        assert.ok(await flood(server.port, count, request) > 0, what)
      }
      rounds.push(memoryOf(server))
    }
    assert.ok(growth() <= 40, rounds.map((mebibytes) => `${Math.round(mebibytes)} MiB`).join(', '))
    assert.equal((await fetch(`${server.url}/jwks.json`)).status, 200)
    assert.equal((await end(server)).code, 0)
  })

  it('E8 E22 keeps its memory flat while clients pipeline and read nothing', async () => {
    const options = ['--alg', 'ES256', '--clients', await clientsFile()]
    const server = await serve(options, { NODE_OPTIONS: '--max-old-space-size=48' })
    const before = memoryOf(server)
    const request = 'GET /jwks.json HTTP/1.1\r\nHost: a\r\n\r\n'
    const silent = Array.from({ length: 100 }, () => connect(server.port, '127.0.0.1').on('error', () => {}))
    for (const socket of silent) socket.pause().write(request.repeat(30_000))
    for (let at = 0; at < 20; at += 1) {
      assert.equal((await fetch(`${server.url}/jwks.json`)).status, 200)
      await sleep(100)
    }
    assert.ok(memoryOf(server) < before + 120, `${before} MiB before, ${memoryOf(server)} MiB after`)
    for (const socket of silent) socket.destroy()
    assert.equal((await end(server)).code, 0)
  })

  it('E6 works no more for a request that it refuses than for one that it serves', async () => {
    const file = await clientsFile()
    const server = await serve(['--alg', 'ES256', '--clients', file])
    const costOf = async (request: (at: number) => string): Promise<number> => {
      await flood(server.port, shareOf(200), request)
      const before = cpuOf(server)
      await flood(server.port, shareOf(1500), request)
      return cpuOf(server) - before
    }
    const get = (path: string, headers = 'Host: a\r\n'): string => `GET ${path} HTTP/1.1\r\n${headers}${LAST}\r\n`
    const served = await costOf(() => get('/jwks.json'))
    const unknown = `${LAST}Authorization: Basic ${Buffer.from('b:wrong').toString('base64')}\r\n`
    const refusals: Readonly<Record<string, (at: number) => string>> = {
      '400': () => get('/jwks.json', ''),
      '404': (at) => get(`/${at}`),
      '405': () => `DELETE /jwks.json HTTP/1.1\r\nHost: a\r\n${LAST}\r\n`,
      '413': () => `POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n`,
      '431': () => get('/jwks.json', `Host: a\r\n${'X-A: 1\r\n'.repeat(70)}`),
      '401 of a client': () => posted('/token', unknown, 'grant_type=client_credentials'),
      '401 of an unknown one': (at) => posted('/token', LAST, `client_id=${at}&client_secret=x`),
      '401 of an assertion': (at) => posted('/token', LAST, `${type}&client_assertion=${assertion(at)}`),
    }
    for (const [what, request] of Object.entries(refusals)) {
      const cost = await costOf(request)
      assert.ok(cost < 2 * served + 100, `${what} cost ${cost} ms, a key set ${served} ms`)
    }
    assert.equal((await end(server)).code, 0)
  })

  it('D4 lets idle connections beyond its file limit keep nobody out', async () => {
    const server = await serve(['--alg', 'ES256'], {}, ['bash', '-c', 'ulimit -n 200; exec "$@"', 'bash'])
    const idle: Socket[] = []
    for (let at = 0; at < 300; at += 1) {
      const socket = connect(server.port, '127.0.0.1').on('error', () => {})
      socket.write('GET /jwks.json HTTP/1.1\r\nHost: a\r\n\r\n')
      await once(socket, 'data')
      idle.push(socket)
    }
    for (const path of ['/jwks.json', '/readyz', '/healthz']) {
      const request = `GET ${path} HTTP/1.1\r\nHost: a\r\n${LAST}\r\n`
      for (let at = 0; at < 20; at += 1) assert.deepEqual((await exchange(server.port, request)).statuses, [200], path)
    }
    for (const socket of idle) socket.destroy()
    assert.equal((await end(server)).code, 0)
  })
})

describe('a log that nobody reads', () => {
  it('is kept up to a bound, then dropped and counted', async () => {
    const child = spawn(process.execPath, [SERVER, '--port', '0', '--alg', 'ES256', '--log-level', 'debug'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines = createInterface({ input: child.stdout })
    const events: { event: string; url?: string; lines?: number }[] = []
    const listening = new Promise<string>((resolve) => {
      lines.on('line', (line) => {
        const event = JSON.parse(line) as typeof events[number]
        events.push(event)
        if (event.event === 'server.listening') resolve(event.url ?? '')
      })
    })
    const port = Number(new URL(await listening).port)
    child.stdout.pause()
    const before = memoryOf({ child })
    const minted = await flood(port, 8000, () => 'POST /auth HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n')
    assert.ok(memoryOf({ child }) < before + 80)
    child.stdout.resume()
    while (!events.some(({ event }) => event === 'log.dropped')) await sleep(20)
    const read = events.filter(({ event }) => event === 'token.minted').length
    const dropped = events.find(({ event }) => event === 'log.dropped')?.lines ?? 0
    assert.deepEqual([minted, read + dropped], [8000, 8000])
    assert.ok(dropped > 1000, `${dropped} lines were dropped`)
    child.kill('SIGTERM')
    await once(child, 'close')
    assert.equal(events.at(-1)?.event, 'server.stopped')
  })
})

describe('a start that gives secrets away', () => {
  const beyond = ['--alg', 'ES256', '--issuer', 'https://issuer.example']
  for (const env of [{ NODE_TLS_REJECT_UNAUTHORIZED: '0' }, { NODE_OPTIONS: '--inspect=127.0.0.1:0' }]) {
    for (const words of [[], ['check'], ['--workers', '2', '--store', 'file:ring.json', '--unsealed']]) {
      it(`E25 is refused with ${JSON.stringify(env)}: ${words.join(' ')}`, async () => {
        const { code, stderr } = await run([...words, ...beyond], env)
        assert.equal(code, 78)
        assert.match(stderr, /^jwksd: (?:NODE_TLS_REJECT_UNAUTHORIZED=0|--inspect=\S+) lets others read or replace/m)
      })
    }
  }

  it('E25 is allowed on a loopback address and issuer', async () => {
    const server = await serve(['--alg', 'ES256'], { NODE_TLS_REJECT_UNAUTHORIZED: '0' })
    assert.equal((await end(server)).code, 0)
  })

  it('E27 is refused with an http issuer beyond this machine', async () => {
    const { code, stderr } = await run(['--alg', 'ES256', '--issuer', 'http://issuer.example'])
    assert.equal(code, 78)
    assert.match(stderr, /^jwksd: --issuer must begin with https: .*--allow-http-issuer$/m)
  })
})

describe('a misspelt variable', () => {
  it('is named by a server and by a command, which both go on', async () => {
    const server = await serve(['--alg', 'ES256'], { JWKSD_AUDIT_REQIRED: 'true' })
    const { stdout } = await end(server)
    assert.match(stdout, /"level":"warning".*"event":"config.unknown","variable":"JWKSD_AUDIT_REQIRED"/)
    const checked = await run(['check'], { JWKSD_RETENTON: '1h' })
    assert.equal(checked.code, 0)
    const expected = 'jwksd: JWKSD_RETENTON is not an option and has no effect. Did you mean JWKSD_RETENTION?\n'
    assert.equal(checked.stderr, expected)
  })
})

describe('a server behind a balancer', () => {
  const store = (): readonly string[] => ['--store', `file:${join(newFolder(), 'ring.json')}`, '--unsealed']
  const kinds = [['one process', () => []], ['two workers', () => ['--workers', '2', ...store()]]] as const
  for (const [what, more] of kinds) {
    it(`is not ready for a while after SIGTERM, and serves until then: ${what}`, async () => {
      const server = await serve(['--alg', 'ES256', '--drain', '2s', ...more()])
      server.child.kill('SIGTERM')
      await sleep(300)
      const ready = await fetch(`${server.url}/readyz`)
      assert.deepEqual([ready.status, (await ready.json() as { status: string }).status], [503, 'draining'])
      const request = `GET /jwks.json HTTP/1.1\r\nHost: a\r\n${LAST}\r\n`
      for (let at = 0; at < 10; at += 1) {
        assert.deepEqual((await exchange(server.port, request)).statuses, [200])
        await sleep(100)
      }
      const { code, stdout } = await server.finished
      assert.equal(code, 0)
      assert.match(stdout, /server\.stopped/)
    })
  }

  it('ends at once by a second signal', async () => {
    const server = await serve(['--alg', 'ES256', '--drain', '1h'])
    server.child.kill('SIGTERM')
    await sleep(200)
    assert.equal((await end(server)).code, 1)
  })

  it('keeps an idle connection for as long as it is told', async () => {
    const server = await serve(['--alg', 'ES256', '--keep-alive', '1s'])
    const began = performance.now()
    const { text, closed } = await exchange(server.port, 'GET /jwks.json HTTP/1.1\r\nHost: a\r\n\r\n')
    assert.match(text, /^keep-alive: timeout=1\r$/im)
    assert.ok(closed && performance.now() - began < 8000)
    assert.equal((await end(server)).code, 0)
    const longer = await serve(['--alg', 'ES256', '--keep-alive', '620s'])
    const kept = await exchange(longer.port, 'GET /jwks.json HTTP/1.1\r\nHost: a\r\n\r\n', isWhole)
    assert.match(kept.text, /^keep-alive: timeout=620\r$/im)
    assert.equal((await end(longer)).code, 0)
  })
})
