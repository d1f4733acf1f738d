import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import type { Event } from '../../src/core/event.ts'
import { type Instant, instant } from '../../src/core/time.ts'
import { openTls } from '../../src/serve/tls.ts'
import { readyRoute } from '../../src/routes/health.ts'
import { authority, certified, type Made, selfMade } from '../support/certificates.ts'
import { newFolder } from '../support/folder.ts'
import { end, run, serve, type ServerProcess } from '../support/process.ts'

const ROOT = authority('root of the test')
const ES256 = ['--alg', 'ES256']

/** A folder with certificate and key, and the options that name them. */
interface Site {
  readonly folder: string
  readonly cert: string
  readonly key: string
  readonly args: readonly string[]
}

function newSite(pair: Made = certified(ROOT, 'localhost')): Site {
  const folder = newFolder()
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  writeFileSync(cert, pair.cert)
  writeFileSync(key, pair.key, { mode: 0o600 })
  return { folder, cert, key, args: [...ES256, '--tls-cert', cert, '--tls-key', key] }
}

/** Replaces a file as a whole, as those who renew certificates do. */
function replace(path: string, content: string): void {
  writeFileSync(`${path}.new`, content, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

interface Answer {
  readonly status: number
  readonly body: string
  /** SHA-256 of the certificate that the server showed. */
  readonly shown: string
}

async function ask(port: number, path: string, more: { agent?: Agent; method?: string; host?: string } = {}): Promise<Answer> {
  const { agent = false, method = 'GET', host } = more
  const headers = host === undefined ? {} : { host }
  const sent = request({ host: '127.0.0.1', servername: 'localhost', port, path, method, agent, headers, ca: ROOT.cert, timeout: 10_000 })
  sent.end()
  const [answer] = await once(sent, 'response') as [IncomingMessage]
  const shown = (answer.socket as TLSSocket).getPeerCertificate().fingerprint256
  return { status: answer.statusCode ?? 0, body: (await answer.toArray()).join(''), shown }
}

/** What OpenSSL's client prints, with `typed` as what is sent to it. */
async function openssl(port: number, args: readonly string[], typed = ''): Promise<string> {
  return await new Promise((resolve) => {
    const all = ['s_client', '-connect', `127.0.0.1:${port}`, ...args]
    const child = execFile('openssl', all, { timeout: 10_000 }, (_error, stdout, stderr) => resolve(stdout + stderr))
    child.stdin?.on('error', () => {})
    if (typed === '') return void child.stdin?.end()
    child.stdin?.write(typed)
    setTimeout(() => child.stdin?.end(), 1000)
  })
}

async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (await isTrue()) return
    await sleep(50)
  }
  assert.fail(`It did not come to ${what}`)
}

async function shows(port: number, other: string): Promise<void> {
  await until('another certificate', async () => (await ask(port, '/healthz')).shown !== other)
}

describe('TLS of its own', () => {
  it('is the scheme of the URL and of the issuer, and keeps /auth for this machine', async () => {
    const { args } = newSite()
    const server = await serve(args)
    assert.equal(server.url, `https://127.0.0.1:${server.port}`)
    const { jwks_uri: uri } = JSON.parse((await ask(server.port, '/.well-known/openid-configuration')).body) as { jwks_uri: string }
    assert.equal(uri, `${server.url}/.well-known/jwks.json`)
    assert.equal((await ask(server.port, '/auth', { method: 'POST' })).status, 200)
    assert.equal((await ask(server.port, '/auth', { method: 'POST', host: `localhost:${server.port}` })).status, 200)
    assert.notEqual((await ask(server.port, '/auth', { method: 'POST', host: 'rebound.example' })).status, 200)
    assert.equal((await end(server)).code, 0)
  })

  it('is not for plain requests, and an error in a handshake ends that connection alone', async () => {
    const server = await serve(newSite().args)
    for (const bytes of ['GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n', '\x16\x03\x01\x00\x05hello', '\0'.repeat(100)]) {
      const socket = connect(server.port, '127.0.0.1').on('error', () => {})
      socket.end(bytes)
      const chunks: Buffer[] = []
      socket.on('data', (chunk: Buffer) => chunks.push(chunk))
      await once(socket, 'close')
      assert.doesNotMatch(Buffer.concat(chunks).toString('latin1'), /HTTP/)
    }
    assert.equal((await ask(server.port, '/healthz')).status, 200)
    await end(server)
  })

  it('speaks TLS 1.2 and 1.3, and ciphers with forward secrecy and authenticated encryption alone', async () => {
    const weak = 'ALL:COMPLEMENTOFALL:@SECLEVEL=0'
    for (const kind of ['ec:P-256', 'rsa:2048']) {
      const server = await serve(newSite(certified(ROOT, 'localhost', { kind })).args)
      for (const version of ['-tls1', '-tls1_1']) {
        assert.match(await openssl(server.port, [version, '-cipher', weak]), /protocol version|no protocols available/, version)
      }
      for (const version of ['-tls1_2', '-tls1_3']) assert.match(await openssl(server.port, [version]), /Cipher is \w*TLS_|Cipher is ECDHE/)
      const sign = kind === 'rsa:2048' ? 'RSA' : 'ECDSA'
      for (const cipher of ['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'CHACHA20-POLY1305']) {
        const shown = await openssl(server.port, ['-tls1_2', '-cipher', `ECDHE-${sign}-${cipher}`])
        assert.match(shown, new RegExp(`Cipher is ECDHE-${sign}-${cipher}\n`))
      }
      const refused = ['AES128-SHA', 'AES128-GCM-SHA256', 'AES256-SHA256', `ECDHE-${sign}-AES128-SHA`, `ECDHE-${sign}-AES256-SHA384`,
        'DHE-RSA-AES128-GCM-SHA256', 'NULL', 'aNULL', 'PSK']
      for (const cipher of refused) {
        assert.match(await openssl(server.port, ['-tls1_2', '-cipher', `${cipher}:@SECLEVEL=0`]), /Cipher is \(NONE\)/, cipher)
      }
      await end(server)
    }
  })

  it('refuses to renegotiate', async () => {
    const server = await serve(newSite().args)
    assert.match(await openssl(server.port, ['-tls1_2'], 'R\n'), /no renegotiation/)
    await end(server)
  })

  it('does not start with a pair that no client could use, and says in one line why', async () => {
    const { args, key, cert, folder } = newSite()
    writeFileSync(key, certified(ROOT, 'localhost').key)
    const mismatch = await run(args)
    assert.deepEqual([mismatch.code, mismatch.stdout], [78, ''])
    assert.equal(mismatch.stderr, `jwksd: Cannot use the certificate in ${cert}: ` +
      'it was made for another key. Name the key that it was made for\n')
    const missing = await run([...ES256, '--tls-cert', cert, '--tls-key', join(folder, 'none')])
    assert.deepEqual([missing.code, /^jwksd: Cannot use the private key in \S+: the system says ENOENT/.test(missing.stderr)], [78, true])
    for (const half of [['--tls-cert', cert], ['--tls-key', key]]) {
      const { code, stderr } = await run(half)
      assert.deepEqual([code, stderr], [78, 'jwksd: --tls-cert and --tls-key go together\n'])
    }
    const plain = await run([...args, '--issuer', 'http://localhost:8080'])
    assert.deepEqual([plain.code, /this server speaks TLS alone/.test(plain.stderr)], [78, true])
  })

  it('takes a key of mode 0640 of a group of this user, and no other that others can read', async () => {
    const { args, key } = newSite()
    chmodSync(key, 0o640)
    await end(await serve(args))
    if (process.getuid?.() === 0) {
      chownSync(key, 0, 54_321)
      assert.equal((await run(args)).code, 78)
      chownSync(key, 0, 0)
    }
    chmodSync(key, 0o644)
    const { code, stderr } = await run(args)
    assert.deepEqual([code, /group or others can reach it\. Run chmod 600/.test(stderr)], [78, true])
  })
})

describe('a renewed certificate', () => {
  it('is taken over under load without a failed request, and open connections go on', async () => {
    const { args, cert, key } = newSite()
    const server = await serve(args)
    const before = (await ask(server.port, '/healthz')).shown
    const kept = new Agent({ keepAlive: true, maxSockets: 1 })
    assert.equal((await ask(server.port, '/healthz', { agent: kept })).status, 200)
    let isDone = false
    let count = 0
    const load = async (agent?: Agent): Promise<void> => {
      while (!isDone) {
        assert.equal((await ask(server.port, '/jwks.json', agent === undefined ? {} : { agent })).status, 200)
        count += 1
      }
    }
    const loads = [load(), load(), load(kept)]
    for (let round = 0; round < 5; round += 1) {
      const next = certified(ROOT, 'localhost')
      const old = (await ask(server.port, '/healthz')).shown
      replace(cert, next.cert)
      server.child.kill('SIGHUP')
      await sleep(100)
      assert.equal((await ask(server.port, '/healthz')).shown, old)
      replace(key, next.key)
      server.child.kill('SIGHUP')
      await shows(server.port, old)
    }
    isDone = true
    await Promise.all(loads)
    assert.ok(count > 20, `${count} requests`)
    assert.equal((await ask(server.port, '/healthz', { agent: kept })).shown, before)
    kept.destroy()
    // All options are given again.
    assert.match(await openssl(server.port, ['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0']), /protocol version|no protocols/)
    assert.match(await openssl(server.port, ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA']), /Cipher is \(NONE\)/)
    assert.match(await openssl(server.port, ['-tls1_2'], 'R\n'), /no renegotiation/)
    const { stdout } = await end(server)
    assert.equal(stdout.match(/"event":"certificate.loaded"/g)?.length, 6)
    assert.doesNotMatch(stdout, /certificate.failed/)
  })

  it('is noticed without a signal, through the links of certbot and of Kubernetes', async () => {
    const folder = newFolder()
    const pairs = [certified(ROOT, 'localhost'), certified(ROOT, 'localhost')]
    for (const name of ['live', 'live/a', 'archive', 'archive/a', 'secret', 'secret/..1', 'secret/..2']) mkdirSync(join(folder, name), 0o700)
    for (const [at, pair] of pairs.entries()) {
      for (const [name, text] of [['fullchain', pair.cert], ['privkey', pair.key]] as const) {
        writeFileSync(join(folder, 'archive', 'a', `${name}${at + 1}.pem`), text, { mode: 0o600 })
      }
      writeFileSync(join(folder, 'secret', `..${at + 1}`, 'tls.crt'), pair.cert)
      writeFileSync(join(folder, 'secret', `..${at + 1}`, 'tls.key'), pair.key, { mode: 0o640 })
    }
    const link = (target: string, path: string): void => {
      symlinkSync(target, `${join(folder, path)}.new`)
      renameSync(`${join(folder, path)}.new`, join(folder, path))
    }
    const issued = (number: number): void => {
      for (const name of ['fullchain', 'privkey']) link(`../../archive/a/${name}${number}.pem`, `live/a/${name}.pem`)
    }
    issued(1)
    link('..1', 'secret/..data')
    for (const name of ['tls.crt', 'tls.key']) link(`..data/${name}`, `secret/${name}`)
    const at = (path: string): string => join(folder, path)
    const certbot = await serve([...ES256, '--tls-cert', at('live/a/fullchain.pem'), '--tls-key', at('live/a/privkey.pem')])
    const pod = await serve([...ES256, '--tls-cert', at('secret/tls.crt'), '--tls-key', at('secret/tls.key')])
    const before = (await ask(pod.port, '/healthz')).shown
    assert.equal((await ask(certbot.port, '/healthz')).shown, before)
    issued(2)
    link('..2', 'secret/..data')
    await shows(certbot.port, before)
    await shows(pod.port, before)
    assert.deepEqual([(await end(certbot)).code, (await end(pod)).code], [0, 0])
  })

  it('is taken by every worker', async () => {
    const { args, cert, key, folder } = newSite()
    const store = ['--store', `file:${join(folder, 'ring.json')}`, '--unsealed', '--workers', '2']
    const server = await serve([...args, ...store])
    const before = (await ask(server.port, '/healthz')).shown
    const next = certified(ROOT, 'localhost')
    replace(key, next.key)
    replace(cert, next.cert)
    server.child.kill('SIGHUP')
    await until('all workers with the new one', async () => {
      const shown = await Promise.all(Array.from({ length: 12 }, async () => (await ask(server.port, '/healthz')).shown))
      return shown.every((one) => one !== before)
    })
    assert.equal((await end(server)).code, 0)
  })
})

describe('a certificate on an injected clock', () => {
  const DAY = 86_400
  const start = Date.now() / 1000 + 60
  const opened = async (site: Site): Promise<{ tls: Awaited<ReturnType<typeof openTls>> & { ok: true }; events: Event[]; pass: (length: number) => Promise<void> }> => {
    const events: Event[] = []
    let now: Instant = instant(start)
    const files = { tlsCert: site.cert, tlsKey: site.key, allowShared: false }
    const tls = await openTls(files, { now: () => now, emit: (event) => events.push(event) })
    assert.ok(tls.ok)
    return { tls, events, pass: async (length) => {
      now = instant(now + length)
      await tls.value.reload()
    } }
  }

  it('that does not fit its key is reported once, when that lasts for a minute', async () => {
    const site = newSite()
    const { tls, events, pass } = await opened(site)
    const names = (): readonly string[] => events.splice(0).map(({ name }) => name)
    assert.deepEqual(names(), ['certificate.loaded'])
    const next = certified(ROOT, 'localhost')
    replace(site.cert, next.cert)
    for (const length of [0, 30, 29]) await pass(length)
    assert.deepEqual(names(), [])
    await pass(1)
    assert.deepEqual(events.map((event) => 'detail' in event && event.detail),
      [`Cannot use the certificate in ${site.cert}: it was made for another key. Name the key that it was made for`])
    assert.deepEqual(names(), ['certificate.failed'])
    for (const length of [5, 600]) await pass(length)
    assert.deepEqual(names(), [])
    replace(site.key, next.key)
    await pass(5)
    assert.deepEqual(names(), ['certificate.loaded'])
    replace(site.key, 'no key')
    for (const length of [5, 60]) await pass(length)
    assert.deepEqual(names(), ['certificate.failed'])
    assert.equal(tls.value.state(), 'valid')
  })

  it('that is not renewed is warned of, and degrades /readyz, which stays 200', async () => {
    const site = newSite(certified(ROOT, 'localhost', { days: 365 }))
    const { tls, events, pass } = await opened(site)
    const route = readyRoute({
      current: async () => ({ ring: {}, signers: new Map([[undefined, {}]]) }) as never,
      health: () => ({ ready: true, inStep: true, viewAge: 0, ahead: 0 }) as never,
      keys: () => 'sealed',
      isDraining: () => false,
      certificate: tls.value.state,
      audit: () => 'off',
    })
    const seen: unknown[] = []
    events.splice(0)
    for (const days of [300, 36, 23, 5, 2]) {
      await pass(days * DAY)
      const answer = await route.methods.GET?.({} as never)
      const { status, certificate } = JSON.parse(Buffer.from(answer?.body ?? []).toString()) as Record<string, unknown>
      const warned = events.splice(0).flatMap((event) => event.name === 'certificate.expires' ? [event.days] : [])
      seen.push([answer?.status, status, certificate, warned])
    }
    assert.deepEqual(seen, [
      [200, 'ready', 'valid', []],
      [200, 'ready', 'valid', [28]],
      [200, 'degraded', 'expires soon', [5]],
      [200, 'degraded', 'expires soon', [0]],
      [200, 'degraded', 'expired', [0]],
    ])
    const made = certified(ROOT, 'localhost', { days: 3650 })
    replace(site.cert, made.cert)
    replace(site.key, made.key)
    await pass(5)
    assert.equal(tls.value.state(), 'valid')
  })

  it('may sign itself', async () => {
    const { tls } = await opened(newSite(selfMade('localhost')))
    assert.equal(tls.value.state(), 'valid')
  })
})

describe('handshakes that stall', () => {
  const memoryOf = ({ child }: ServerProcess): number =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024
  /** The beginning of a handshake, so that the server waits for the rest. */
  const PART = Buffer.from('16030101', 'hex')

  async function stall(port: number, count: number): Promise<readonly Socket[]> {
    const sockets = Array.from({ length: count }, (_none, at) => {
      const socket = connect(port, '127.0.0.1').on('error', () => {})
      if (at % 2 === 0) socket.write(PART)
      return socket
    })
    await Promise.all(sockets.map((socket) => once(socket, 'connect').catch(() => {})))
    return sockets
  }

  it('are ended after three seconds', async () => {
    const server = await serve(newSite().args)
    const begun = performance.now()
    const sockets = await stall(server.port, 50)
    await Promise.all(sockets.map((socket) => once(socket.resume(), 'close')))
    const took = performance.now() - begun
    assert.ok(took > 2500, `${took} ms`)
    await end(server)
  })

  it('count against the bound of connections, so that others are served', async () => {
    const server = await serve(newSite().args, {}, ['prlimit', '--nofile=200'])
    const sockets = await stall(server.port, 400)
    for (let count = 0; count < 5; count += 1) assert.equal((await ask(server.port, '/healthz')).status, 200)
    for (const socket of sockets) socket.destroy()
    assert.equal((await end(server)).code, 0)
  })

  it('end the oldest where more than 1,024 stall at once', async () => {
    const server = await serve(newSite().args)
    const endOfOldest = async (): Promise<number> => {
      const begun = performance.now()
      const oldest = await stall(server.port, 20)
      const others = await stall(server.port, 1024)
      await Promise.all(oldest.map((socket) => socket.closed ? undefined : once(socket.resume(), 'close')))
      const took = performance.now() - begun
      assert.equal((await ask(server.port, '/healthz')).status, 200)
      await Promise.all(others.map((socket) => socket.closed ? undefined : once(socket.destroy(), 'close')))
      return took
    }
    // Sooner than by the three seconds that each has; a busy machine may need as long to connect.
    const times: number[] = []
    while (times.length < 5 && !times.some((took) => took < 2500)) times.push(await endOfOldest())
    assert.ok(times.some((took) => took < 2500), times.join(' '))
    await end(server)
  })

  it('give their memory back', async () => {
    const server = await serve(newSite().args)
    const round = async (): Promise<void> => {
      const sockets = await stall(server.port, 1000)
      await Promise.all(sockets.map((socket) => socket.closed ? undefined : once(socket.resume(), 'close')))
    }
    for (let count = 0; count < 2; count += 1) await round()
    const before = memoryOf(server)
    for (let count = 0; count < 3; count += 1) await round()
    const after = memoryOf(server)
    // 3,000 handshakes that are kept take 200 MB and more; what is freed is not at once given back to the system.
    assert.ok(after < before + 100, `${before} MB, then ${after} MB`)
    await end(server)
  })

  it('may be finished while the server ends; connections that were silent go before', async () => {
    const server = await serve(newSite().args)
    const sockets = await stall(server.port, 20)
    const order: number[] = []
    const closed = sockets.map((socket, at) => new Promise((resolve) => {
      socket.resume().on('close', () => resolve(order.push(at % 2)))
    }))
    // The server has seen the others by then.
    assert.equal((await ask(server.port, '/healthz')).status, 200)
    assert.equal((await end(server)).code, 0)
    await Promise.all(closed)
    // Each odd one has sent nothing.
    assert.deepEqual(order, [...Array<number>(10).fill(1), ...Array<number>(10).fill(0)])
  })
})
