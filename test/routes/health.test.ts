import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Seconds, seconds } from '../../src/core/time.ts'
import { readyRoute } from '../../src/routes/health.ts'
import { startApp } from '../support/app.ts'

const NO_BODY = { query: '', header: (): undefined => undefined, address: () => 'test', body: new Uint8Array() }
const CALL = { method: 'GET', path: '/readyz', ...NO_BODY }

describe('the health routes', () => {
  it('say alive and ready, and are not kept by caches', async () => {
    const server = await startApp('--alg', 'ES256')
    for (const [path, status] of [['/healthz', 'alive'], ['/readyz', 'ready']]) {
      const response = await fetch(`${server.url}${path}`)
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('cache-control'), 'no-store')
      assert.equal((await response.json() as Record<string, unknown>)['status'], status)
    }
    await server.close()
  })

  it('are ready again at once after the machine was suspended', async () => {
    const server = await startApp('--alg', 'ES256', '--preset', 'fast')
    await server.pass(30 * 86_400)
    assert.equal((await fetch(`${server.url}/readyz`)).status, 200)
    await server.close()
  })

  it('are not ready while the view of the store is too old', async () => {
    const health = (): { ready: boolean; inStep: boolean; viewAge: Seconds; ahead: Seconds } =>
      ({ ready: false, inStep: false, viewAge: seconds(90_000.4), ahead: seconds(0) })
    const current = (): undefined => undefined
    const keys = (): 'sealed' => 'sealed'
    const route = readyRoute({ current, health, keys, isDraining: () => false, certificate: () => undefined, audit: () => 'off' })
    const answer = await route.methods.GET?.(CALL)
    assert.equal(answer?.status, 503)
    const body = JSON.parse(Buffer.from(answer?.body ?? []).toString()) as unknown
    assert.deepEqual(body, { status: 'not ready', store: 'out of reach', view_age: 90_000, audit: 'off' })
  })

  it('are degraded, but ready, while a stored time lies ahead of the clock', async () => {
    const server = await startApp('--alg', 'ES256', '--clock-error', '10s')
    await server.pass(-86_400)
    const response = await fetch(`${server.url}/readyz`)
    assert.equal(response.status, 200)
    const { status, stamps } = await response.json() as Record<string, unknown>
    assert.deepEqual([status, stamps], ['degraded', '86400 s ahead of the clock'])
    await server.pass(86_400)
    const again = await (await fetch(`${server.url}/readyz`)).json() as Record<string, unknown>
    assert.deepEqual([again['status'], again['stamps']], ['ready', undefined])
    await server.close()
  })
})
