import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { newFolder } from '../support/folder.ts'
import { freePort } from '../support/free-port.js'
import { end, run, serve, type ServerProcess } from '../support/process.ts'
import { refusalOf } from '../support/refusal.ts'
import { someOf } from '../support/share.ts'

const FAST = ['--alg', 'ES256', '--preset', 'fast']

/** Only Linux tells the children of a process in a file. */
const skipWorkers = existsSync(`/proc/${process.pid}/task/${process.pid}/children`) ? false : 'there is no /proc'

const metricsOf = ({ announced }: ServerProcess): string => (JSON.parse(announced) as { metrics: string }).metrics

async function sampleOf(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(text.split('\n').find((line) => line.startsWith(`${name} `))?.slice(name.length) ?? NaN)
}

describe('--metrics', () => {
  for (const address of someOf(['127.0.0.1:0', '0.0.0.0:0', '[::1]:0', 'localhost:0'])) {
    it(`D14 serves metrics and health on ${address}, and nothing that changes anything`, async () => {
      const server = await serve([...FAST, '--metrics', address])
      const url = metricsOf(server)
      for (const path of ['/metrics', '/healthz', '/readyz']) {
        assert.equal((await fetch(`${url}${path}`)).status, 200, path)
        assert.equal((await fetch(`${url}${path}`, { method: 'POST' })).status, 405, path)
      }
      for (const path of ['/keys', '/rotate', '/revoke', '/auth', '/token', '/jwks.json']) {
        assert.equal((await fetch(`${url}${path}`)).status, 404, path)
        const order = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }
        assert.equal((await fetch(`${url}${path}`, order)).status, 404, path)
      }
      assert.equal((await fetch(`${server.url}/metrics`)).status, 404)
      await end(server)
    })
  }

  it('is off unless it is set', async () => {
    const server = await serve(FAST)
    assert.equal(metricsOf(server), 'off')
    await end(server)
  })

  it('says what an address looks like', () => {
    for (const address of ['9464', ':9464', 'unix:metrics', '::1:9464', '127.0.0.1:70000', 'host', 'a b:1']) {
      const refusal = refusalOf(['--port', '0', '--metrics', address]) ?? ''
      assert.match(refusal, /^jwksd: --metrics is ".*" but must be HOST:PORT, such as 0\.0\.0\.0:9464 or \[::\]:9464\n$/)
    }
  })

  it('E2 ends with 69 when its address is in use, with workers too, and leaves no socket behind', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = `127.0.0.1:${(taken.address() as AddressInfo).port}`
    for (const workers of ['1', '2']) {
      const folder = newFolder()
      const admin = ['--admin', `unix:${join(folder, 'admin')}`]
      const store = ['--store', `file:${join(folder, 'ring.json')}`, '--unsealed', ...admin]
      const args = ['--workers', workers, '--port', '0', ...FAST, ...store, '--metrics', address]
      const { code, stderr } = await run(args)
      assert.deepEqual([code, stderr], [69, `jwksd: Cannot listen for metrics on ${address}: it is in use\n`])
      assert.ok(!existsSync(join(folder, 'admin')))
    }
    taken.close()
  })

  it('counts for all workers', async () => {
    const store = ['--store', `file:${join(newFolder(), 'ring.json')}`, '--unsealed']
    const server = await serve(['--workers', '2', ...FAST, ...store, '--metrics', '127.0.0.1:0'])
    const url = metricsOf(server)
    const name = 'jwksd_requests_total{path="/jwks.json",code="200"}'
    for (let count = 0; count < 20; count += 1) {
      assert.equal((await fetch(`${server.url}/jwks.json`, { headers: { connection: 'close' } })).status, 200)
    }
    const deadline = performance.now() + 5000
    let sample = 0
    while (sample < 20 && performance.now() < deadline) sample = await sampleOf(url, name)
    assert.equal(sample, 20)
    await end(server)
  })

  it('counts where several workers were asked for, and the store has room for one', async () => {
    const server = await serve(['--workers', '2', ...FAST, '--metrics', '127.0.0.1:0'])
    assert.equal((await fetch(`${server.url}/jwks.json`)).status, 200)
    assert.equal(await sampleOf(metricsOf(server), 'jwksd_requests_total{path="/jwks.json",code="200"}'), 1)
    await end(server)
  })

  it('never counts down when the worker that answers is killed', { skip: skipWorkers }, async () => {
    const store = ['--store', `file:${join(newFolder(), 'ring.json')}`, '--unsealed']
    const port = await freePort()
    const server = await serve(['--workers', '2', ...FAST, ...store, '--metrics', `127.0.0.1:${port}`])
    const name = 'jwksd_requests_total{path="/jwks.json",code="200"}'
    const seen: number[] = []
    const scrape = (): Promise<unknown> =>
      sampleOf(metricsOf(server), name).then((sample) => seen.push(sample), () => {})
    const ask = (): Promise<unknown> => fetch(`${server.url}/jwks.json`, { headers: { connection: 'close' } })
    for (let count = 0; count < 20; count += 1) await ask()
    while (seen.at(-1) !== 20) await scrape()
    for (let count = 0; count < 20; count += 1) await ask()
    await scrape()
    const [first] = readFileSync(childrenOf(server), 'utf8').split(' ').map(Number)
    process.kill(first ?? 0, 'SIGKILL')
    const before = seen.length
    for (let waited = 0; waited < 8000 && seen.length < before + 5; waited += 20) {
      await scrape()
      await setTimeout(20)
    }
    assert.ok(seen.length >= before + 5, 'another worker answers')
    assert.deepEqual(seen, seen.toSorted((one, other) => one - other))
    await end(server)
  })
})

const childrenOf = ({ child: { pid } }: ServerProcess): string => `/proc/${pid}/task/${pid}/children`
