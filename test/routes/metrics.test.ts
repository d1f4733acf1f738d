import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { describe, it } from 'node:test'
import { EVENT_MEANINGS } from '../../scripts/docs-texts.ts'
import type { Call } from '../../src/http/call.ts'
import type { Router } from '../../src/http/router.ts'
import { type RunningApp, startApp } from '../support/app.ts'
import { exchange } from '../support/raw-socket.ts'

const header = (name: string): string | undefined => name === 'host' ? 'localhost' : undefined
const SCRAPE = { method: 'GET', path: '/metrics', query: '', header } as unknown as Call

/** The value of each sample that a router answers at `/metrics`. */
async function scrape(router: Router): Promise<ReadonlyMap<string, string>> {
  const found = router.find('GET', '/metrics')
  assert.ok('handler' in found)
  const { status, headers, body } = await found.handler(SCRAPE)
  assert.deepEqual([status, headers['content-type']], [200, 'text/plain; version=0.0.4; charset=utf-8'])
  const lines = Buffer.from(body).toString().split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)]))
}

const scrapeOf = (server: RunningApp): Promise<ReadonlyMap<string, string>> => scrape(server.metricsRouter())

const responses = (path: string, code: number): string => `jwksd_requests_total{path="${path}",code="${code}"}`

describe('/metrics', () => {
  it('counts every event from zero on, for each algorithm where the event has one', async () => {
    const server = await startApp('--alg', 'ES256,RS256')
    const samples = await scrapeOf(server)
    for (const name of Object.keys(EVENT_MEANINGS)) {
      const plain = samples.get(`jwksd_events_total{event="${name}"}`)
      const ofAlgs = ['ES256', 'RS256'].map((alg) => samples.get(`jwksd_events_total{event="${name}",alg="${alg}"}`))
      assert.ok(plain !== undefined || !ofAlgs.includes(undefined), name)
    }
    assert.equal(samples.get('jwksd_events_total{event="store.failed"}'), '0')
    assert.equal(samples.get('jwksd_events_total{event="key.revoked",alg="RS256"}'), '0')
    await server.close()
  })

  it('counts responses by path and status, from zero on', async () => {
    const server = await startApp('--alg', 'ES256')
    const before = await scrapeOf(server)
    for (const path of ['/auth', '/jwks.json', '/readyz', '/healthz', '/.well-known/openid-configuration']) {
      for (const code of [200, 400, 401, 429, 500, 503]) assert.equal(before.get(responses(path, code)), '0', path)
    }
    const send = async (path: string, init: RequestInit = {}): Promise<void> => {
      await (await fetch(`${server.url}${path}`, init)).arrayBuffer()
    }
    for (let times = 0; times < 3; times += 1) await send('/auth', { method: 'POST' })
    await send('/auth?expired=true', { method: 'POST' })
    const headersOf = (type: string): RequestInit => ({ method: 'POST', headers: { 'content-type': type } })
    await send('/auth', { ...headersOf('application/x-www-form-urlencoded'), body: 'role=x' })
    await send('/auth', { ...headersOf('application/json'), body: 'x'.repeat(17_000) })
    await send('/auth')
    await send('/jwks.json')
    await send('/jwks.json', { method: 'HEAD' })
    const { headers } = await fetch(`${server.url}/jwks.json`)
    await send('/jwks.json', { headers: { 'if-none-match': headers.get('etag') ?? '' } })
    await send('/nowhere?token=x')
    await send('/nowhere', { method: 'POST', body: 'x' })
    await exchange(server.port, 'nonsense\r\n\r\n')
    const samples = await scrapeOf(server)
    const expected: readonly (readonly [string, number, number])[] = [
      ['/auth', 200, 4], ['/auth', 400, 1], ['/auth', 413, 1], ['/auth', 405, 1],
      ['/jwks.json', 200, 3], ['/jwks.json', 304, 1], ['other', 404, 2], ['other', 400, 1],
    ]
    for (const [path, code, times] of expected) {
      assert.equal(samples.get(responses(path, code)), String(times), `${path} ${code}`)
    }
    // What nobody registered makes no sample: a stranger could fill the memory with names.
    assert.doesNotMatch([...samples.keys()].join('\n'), /nowhere|expired|nonsense/)
    await server.close()
  })

  it('counts an unexpected error as 500', async () => {
    const server = await startApp('--alg', 'ES256')
    const health = server.app.keyring.health
    server.app.keyring.health = () => {
      throw new Error('unexpected')
    }
    assert.equal((await fetch(`${server.url}/readyz`)).status, 500)
    server.app.keyring.health = health
    assert.equal((await scrapeOf(server)).get(responses('/readyz', 500)), '1')
  })

  it('names the build, and rounds every value to thousandths', async () => {
    const server = await startApp('--alg', 'ES256')
    await server.pass(0.123456789)
    const samples = await scrapeOf(server)
    assert.equal(samples.get(`jwksd_build_info{version="0.1.0",node="${process.versions.node}"}`), '1')
    for (const [name, value] of samples) assert.match(value, /^\d+(?:\.\d{1,3})?$/, name)
    await server.close()
  })

  it('counts the keys of every state, also those that no key is in', async () => {
    const server = await startApp('--alg', 'ES256')
    const samples = await scrapeOf(server)
    const states = ['active', 'standby', 'retired']
    const counts = states.map((state) => samples.get(`jwksd_keys{alg="ES256",state="${state}"}`))
    assert.deepEqual(counts, ['1', '1', '0'])
    await server.close()
  })

  const skip = existsSync('/dev/full') ? false : 'there is no /dev/full'
  it('is as ready as /readyz says', { skip }, async () => {
    const server = await startApp('--alg', 'ES256')
    assert.equal((await scrapeOf(server)).get('jwksd_ready'), '1')
    const deaf = await startApp('--alg', 'ES256', '--audit', '/dev/full', '--audit-required')
    assert.equal((await fetch(`${deaf.url}/readyz`)).status, 503)
    assert.equal((await scrapeOf(deaf)).get('jwksd_ready'), '0')
    await Promise.all([server.close(), deaf.close()])
  })
})

describe('the listener for metrics', () => {
  it('D14 changes nothing: it answers GET of three paths', async () => {
    const { metricsRouter, close } = await startApp('--alg', 'ES256')
    const router = metricsRouter()
    for (const path of ['/metrics', '/healthz', '/readyz']) {
      assert.ok('handler' in router.find('GET', path), path)
      const found = router.find('POST', path)
      assert.equal('refusal' in found && found.refusal.status, 405, path)
    }
    for (const path of ['/keys', '/rotate', '/revoke', '/auth', '/token', '/jwks.json', '/']) {
      for (const method of ['GET', 'POST']) {
        const found = router.find(method, path)
        assert.equal('refusal' in found && found.refusal.status, 404, path)
      }
    }
    await close()
  })

  it('answers the same metrics as the socket of operators', async () => {
    const server = await startApp('--alg', 'ES256')
    assert.deepEqual([...await scrape(server.adminRouter())], [...await scrapeOf(server)])
    await server.close()
  })
})
