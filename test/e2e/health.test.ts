import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { join } from 'node:path'
import { newFolder } from '../support/folder.ts'
import { freePort } from '../support/free-port.js'
import { end, run, serve } from '../support/process.ts'

const FAST = ['--alg', 'ES256', '--preset', 'fast']

describe('jwksd health', () => {
  it('asks the server at a URL, with the exit code as the answer', async () => {
    const server = await serve(FAST)
    const alive = await run(['health', server.url])
    assert.deepEqual([alive.code, alive.stdout, alive.stderr], [0, 'alive\n', ''])
    const ready = await run(['health', server.url, '--ready'])
    assert.equal(ready.code, 0)
    assert.match(ready.stdout, /^ready \(store: in step, view_age: \d, keys: in memory, audit: off\)\n$/)
    await end(server)
    const gone = await run(['health', server.url])
    assert.equal(gone.code, 69)
    assert.match(gone.stderr, /^jwksd: http:\S+\/healthz does not answer \(ECONNREFUSED\)\. Does the server run there\?\n$/)
  })

  for (const [host, far] of [['127.0.0.1', []], ['0.0.0.0', ['--issuer', 'https://auth.example']], ['::1', []]] as const) {
    it(`finds the server of a configuration that listens on ${host}`, async () => {
      const args = ['--host', host, ...FAST, ...far]
      const server = await serve(args)
      assert.equal((await run(['health', '--port', String(server.port), ...args])).stdout, 'alive\n')
      await end(server)
    })
  }

  it('prefers the address of the metrics', async () => {
    const metrics = ['--metrics', `0.0.0.0:${await freePort()}`]
    const server = await serve([...FAST, ...metrics])
    assert.equal((await run(['health', ...metrics], { JWKSD_PORT: '1' })).stdout, 'alive\n')
    await end(server)
  })

  it('exits with 1 when the server drains, and still says that it lives', async () => {
    const store = ['--store', `file:${join(newFolder(), 'ring.json')}`, '--unsealed']
    const server = await serve([...FAST, ...store, '--drain', '30s'])
    server.child.kill('SIGTERM')
    const isDraining = async (): Promise<boolean> => (await fetch(`${server.url}/readyz`)).status === 503
    for (let attempt = 0; attempt < 1000 && !await isDraining(); attempt += 1);
    const { code, stderr } = await run(['health', '--ready', server.url])
    assert.equal(code, 1)
    assert.match(stderr, /^jwksd: \S+\/readyz answers 503: draining \(store: in step, /)
    assert.equal((await run(['health', server.url])).code, 0)
    await end(server, 'SIGKILL')
  })

  it('follows no redirect, and exits with 1 for an answer of another program', async () => {
    let answer: readonly [number, string] = [302, '']
    const other = createServer((_request, response) => {
      const [status, body] = answer
      response.writeHead(status, { location: '/readyz' }).end(body)
    }).listen(0, '127.0.0.1')
    await once(other, 'listening')
    for (answer of [[302, ''], [200, '<p>hello'], [200, '{"status":1}']] as const) {
      const { code, stderr } = await run(['health', `http://127.0.0.1:${(other.address() as AddressInfo).port}`])
      assert.deepEqual([code, stderr.includes(`answers ${answer[0]}: is it jwksd?`)], [1, true])
    }
    other.close()
  })

  it('gives up on a server that accepts and never answers', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { code, stderr } = await run(['health', `http://127.0.0.1:${(silent.address() as AddressInfo).port}`])
    assert.deepEqual([code, /does not answer \(ETIMEDOUT\)/.test(stderr)], [69, true])
    silent.closeAllConnections()
    silent.close()
  })

  it('asks for a URL where the server speaks TLS or listens on a socket', async () => {
    for (const args of [['--tls-cert', 'a', '--tls-key', 'b'], ['--host', 'unix:a', '--issuer', 'https://auth.example']]) {
      const { code, stderr } = await run(['health', ...args])
      assert.deepEqual([code, stderr], [78, 'jwksd: No address speaks HTTP without TLS. Name a URL, or set --metrics 127.0.0.1:9464\n'])
    }
  })

  it('refuses what is no URL of http', async () => {
    for (const url of ['nowhere', 'file:///x', 'localhost:8080']) assert.equal((await run(['health', url])).code, 78, url)
  })
})
