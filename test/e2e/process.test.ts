import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { isAvailable } from '../../src/jose/signer.ts'
import { optionTexts } from '../../src/config/option-texts.ts'
import { newFolder } from '../support/folder.ts'
import { end, run, serve, SERVER } from '../support/process.ts'
import { someOf } from '../support/share.ts'

/** One clear line, no stack trace. */
function assertOneLine(stderr: string, expected: RegExp): void {
  const lines = stderr.trimEnd().split('\n')
  assert.equal(lines.length, 1, stderr)
  assert.match(lines[0] ?? '', expected)
  assert.doesNotMatch(stderr, /^\s+at /m)
}

/** How many threads of its pool libuv has named in a process. */
function poolOf(pid: number | undefined): number {
  const folder = `/proc/${pid}/task`
  return readdirSync(folder).filter((id) => readFileSync(`${folder}/${id}/comm`, 'utf8') === 'libuv-worker\n').length
}

/** The head of a request to /auth with a body of so many bytes. */
const headOf = (length: number): string => ['POST /auth HTTP/1.1', 'Host: localhost', 'Content-Type: application/json',
  `Content-Length: ${length}`, '', ''].join('\r\n')

describe('node dist/server.js', () => {
  it('takes a free port, says which in a JSON line, and serves there', async () => {
    const server = await serve([])
    assert.equal((await fetch(`${server.url}/jwks.json`)).status, 200)
    const { code, stdout, stderr } = await end(server)
    assert.equal(code, 0)
    assert.equal(stderr, '')
    const events = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
    for (const event of events) {
      assert.deepEqual(Object.keys(event).slice(0, 3), ['level', 'time', 'event'])
      assert.match(String(event['time']), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    }
    const names = events.map(({ event }) => event)
    for (const name of ['policy.proved', 'store.volatile', 'server.listening', 'server.stopping', 'server.stopped']) {
      assert.ok(names.includes(name), name)
    }
  })

  for (const signal of someOf(['SIGTERM', 'SIGINT'] as const)) {
    it(`finishes what runs and exits 0 on ${signal}, whatever clients do`, async () => {
      const server = await serve([])
      const idle = connect(server.port, '127.0.0.1')
      const slow = connect(server.port, '127.0.0.1')
      await Promise.all([once(idle, 'connect'), once(slow, 'connect')])
      for (const socket of [idle, slow]) socket.on('error', () => {})
      slow.write(`${headOf(100)}{`)
      const signalled = Date.now()
      assert.equal((await end(server, signal)).code, 0)
      assert.ok(Date.now() - signalled < 20_000, 'ended by itself')
    })
  }

  it('answers a request that was under way when the signal came', async () => {
    const server = await serve([])
    const socket = connect(server.port, '127.0.0.1')
    await once(socket, 'connect')
    let answer = ''
    socket.on('data', (chunk) => answer += chunk.toString())
    const body = '{"sub":"late"}'
    socket.write(`${headOf(body.length)}{`)
    // Another answer on the same server: by then the first request has been read.
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200)
    server.child.kill('SIGTERM')
    await once(server.child.stdout as NodeJS.ReadableStream, 'data')
    socket.write(body.slice(1))
    await once(socket, 'close')
    assert.match(answer, /^HTTP\/1\.1 200 /)
    assert.match(answer, /connection: close/i)
    assert.equal((await server.finished).code, 0)
  })

  it('refuses a port in use with one line', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    const { code, stderr } = await run(['--port', String(port)])
    holder.close()
    assert.equal(code, 69)
    assertOneLine(stderr, new RegExp(`^jwksd: Cannot listen on 127.0.0.1:${port}: .*in use`))
  })

  it('refuses a host that does not resolve with one line', async () => {
    const nowhere = ['--host', 'no.such.host.invalid', '--issuer', 'https://a.example']
    const { code, stderr } = await run(['--port', '0', ...nowhere])
    assert.equal(code, 69)
    assertOneLine(stderr, /^jwksd: Cannot listen on no\.such\.host\.invalid:0: /)
  })

  it('refuses an unknown option and a bad algorithm with one line each', async () => {
    const unknown = await run(['--colour', 'red'])
    assert.equal(unknown.code, 78)
    assertOneLine(unknown.stderr, /^jwksd: --colour is not an option\./)
    const bad = await run(['--alg', 'HS256'])
    assert.equal(bad.code, 78)
    assertOneLine(bad.stderr, /^jwksd: --alg is "HS256" but must be some of RS256/)
  })

  it('proves a good configuration with its numbers', async () => {
    const { code, stdout } = await run(['check'])
    assert.equal(code, 0)
    const lines = stdout.split('\n')
    for (const line of [
      '(1) lead 172800 >= propagation 5 + cache-layers 2 * jwks-max-age 300 + 2 * clock-error 60 = 725',
      '(2) retention 86400 >= propagation 5 + max-ttl 3600 + leeway 300 + 3 * clock-error 60 = 4085',
    ]) assert.ok(lines.includes(line), line)
    assert.match(stdout, /^\(3\) rotation-interval 604800 >= lead 172800 \+ propagation 5 = 172805$/m)
    assert.match(stdout, /^\(4\) exposure <= propagation 5 \+ cache-layers 2 \* jwks-max-age 300 = 605$/m)
    const size = 'ring <= 265 KiB at the end of --history: 3 published keys, 421 past ones of 522'
    assert.ok(lines.includes(`${size}; the older ones are dropped`), stdout)
  })

  it('E20: does not start when the ring would grow beyond what a start can read', async () => {
    const fast = ['--rotation-interval', '10s', '--lead', '4s', '--jwks-max-age', '1s', '--clock-error', '0']
    for (const command of ['check', 'serve']) {
      const { code, stderr } = await run([command, '--port', '0', ...fast, '--propagation', '1s', '--retention', '30d'])
      assert.equal(code, 78)
      assert.match(stderr, /^jwksd: 259202 published keys need \d+ bytes in the store, more than 75497472\. Raise /m)
    }
  })

  const broken: readonly (readonly [number, readonly string[]])[] = [
    [1, ['--lead', '10m', '--jwks-max-age', '5m']],
    [2, ['--retention', '1h', '--max-ttl', '1h']],
    [3, ['--rotation-interval', '1d', '--lead', '1d']],
    [1, ['--rotation-interval', '60s']],
  ]
  for (const [line, args] of someOf(broken)) {
    it(`does not start when line (${line}) fails with ${args.join(' ')}`, async () => {
      for (const command of ['check', 'serve']) {
        const { code, stderr } = await run([command, '--port', '0', ...args])
        assert.equal(code, 78)
        const unsafe = `^jwksd: Unsafe \\(${line}\\): .* must be at least [0-9]+ s = .*\\. Set --.*, or lower --.*$`
        assert.match(stderr, new RegExp(unsafe, 'm'))
      }
    })
  }

  it('has ML-DSA where the runtime has it, and says what is needed elsewhere', async () => {
    const { code, stderr } = await run(['check', '--alg', 'ML-DSA-44'])
    if (await isAvailable('ML-DSA-44')) return assert.equal(code, 0)
    assert.equal(code, 78)
    return assertOneLine(stderr, /ML-DSA needs Node\.js 24\.7 or later/)
  })

  it('explains every option, and tells its version', async () => {
    const { code, stdout } = await run(['--help'])
    assert.equal(code, 0)
    for (const { heading } of optionTexts()) assert.ok(stdout.includes(`\n  ${heading}\n`), heading)
    const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
    const { version } = JSON.parse(manifest) as { version: string }
    assert.equal((await run(['--version'])).stdout, `jwksd ${version}\n`)
  })

  it('reads its options from the environment', async () => {
    const { code, stdout } = await run(['check'], { JWKSD_PRESET: 'fast' })
    assert.equal(code, 0)
    assert.match(stdout, /^\(1\) lead 30 /)
  })

  const hasNames = existsSync('/proc/self/task') && !process.version.startsWith('v20.')
  const skip = hasNames ? false : 'here threads have no names'
  it('has two threads sign on one core, unless the operator says how many', { skip }, async () => {
    const core = /^Cpus_allowed_list:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''
    const pinned = ['taskset', '-c', core]
    for (const [env, expected] of [[{}, 2], [{ UV_THREADPOOL_SIZE: '3' }, 3]] as const) {
      const server = await serve(['--alg', 'ES256'], env, pinned)
      assert.equal(poolOf(server.child.pid), expected)
      await end(server)
    }
  })

  it('E19 reads no configuration from a pipe, nor one that others can write', async () => {
    const place = newFolder()
    const [pipe, open] = [join(place, 'pipe'), join(place, 'open.json')]
    execFileSync('mkfifo', ['-m', '600', pipe])
    writeFileSync(open, '{}')
    chmodSync(open, 0o666)
    for (const path of [pipe, open, place]) {
      const { code, stderr } = await run(['--port', '0', '--config', path])
      assert.equal(code, 78)
      assertOneLine(stderr, /^jwksd: --config \S+ cannot be read\. Name a JSON file .* others may not write/)
    }
  })

  it('goes on after SIGHUP, which reads again what can be read again, in every mode', async () => {
    const place = newFolder()
    const modes = [
      [], ['--store', `file:${join(place, 'one.json')}`, '--unsealed', '--audit', join(place, 'audit.log')],
      ['--store', `file:${join(place, 'many.json')}`, '--unsealed', '--workers', '2'],
    ]
    for (const mode of someOf(modes, 1)) {
      const server = await serve(['--alg', 'ES256', ...mode])
      for (let round = 0; round < 20; round += 1) {
        server.child.kill('SIGHUP')
        await pause(25)
        assert.equal((await fetch(`${server.url}/jwks.json`)).status, 200)
      }
      const { code, stdout } = await end(server)
      assert.deepEqual([code, /worker\.ended/.test(stdout)], [0, false], mode.join(' '))
    }
  })

  it('reads again after it has started what SIGHUP asked for while it started, workers too', async () => {
    const place = newFolder()
    const clients = join(place, 'clients.json')
    assert.equal((await run(['client', 'add', 'b', '--clients', clients, '--audience', 'api'])).code, 0)
    const store = ['--store', `file:${join(place, 'ring.json')}`, '--unsealed', '--clients', clients]
    // The line after which the signal is sent, how soon, in milliseconds, and how often clients are read in all. The
    // second worker begins to start when the first one listens.
    const starts = [[['--alg', 'RS256'], 'key.created', 0, 2], [['--workers', '2'], 'server.listening', 50, 4]] as const
    for (const [mode, first, delay, loads] of starts) {
      const child = spawn(process.execPath, [SERVER, '--port', '0', ...mode, ...store], { stdio: ['ignore', 'pipe', 'inherit'] })
      let log = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        if (!log.includes(first) && `${log}${text}`.includes(first)) void pause(delay).then(() => child.kill('SIGHUP'))
        log += text
      })
      const exited = once(child, 'exit')
      for (let waited = 0; log.split('"clients.loaded"').length <= loads && waited < 10_000; waited += 20) await pause(20)
      child.kill('SIGTERM')
      assert.deepEqual([(await exited)[0], log.split('"clients.loaded"').length - 1], [0, loads])
    }
  })

  it('goes on when whoever reads its log goes away', async () => {
    const server = await serve(['--log-level', 'debug'])
    server.child.stdout?.destroy()
    for (let request = 0; request < 5; request += 1) {
      assert.equal((await fetch(`${server.url}/auth`, { method: 'POST' })).status, 200)
    }
    server.child.kill('SIGTERM')
    const [code] = await once(server.child, 'exit') as [number]
    assert.equal(code, 0)
  })
})
