import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { MAX_MARKS_PER_CLIENT } from '../../src/oauth/jti-store.ts'
import { ASSERTION, basic, client, newParty, SECRET, type Service, startService } from '../support/oauth.ts'
import { isWhole } from '../support/share.ts'

const CC = { grant_type: 'client_credentials' }
const evil = newParty('evil')
const good = newParty('good')
const byKey = (party: typeof evil): object =>
  ({ token_endpoint_auth_method: 'private_key_jwt', client_secret_hashes: undefined, jwks: { keys: [party.jwk] } })

let service: Service
before(async () => {
  service = await startService([
    client('plain'),
    client('poster', { token_endpoint_auth_method: 'client_secret_post' }),
    client('evil', byKey(evil)),
    client('good', { ...byKey(good), dpop_bound_access_tokens: false }),
  ])
})
after(() => service.close())

type Form = Readonly<Record<string, string>>
const asserted = (id: string, party: typeof evil, claims: object = {}): Form =>
  ({ client_assertion_type: ASSERTION, client_assertion: service.assertion(id, party, claims) })
const codeOf = async (path: string, form: Form, headers = {}): Promise<unknown> => {
  const { status, body } = await service.post(path, form, headers)
  return status === 200 ? 200 : `${status} ${String(body['error'])}`
}

/** Sends so many requests, thirty at a time. */
async function flood(times: number, send: (at: number) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < times; at += 50) {
    await Promise.all(Array.from({ length: Math.min(50, times - at) }, (_none, next) => send(at + next)))
  }
}

describe('a flood of wrong credentials', () => {
  const PLACES = [['/token', CC], ['/introspect', { token: 'x' }], ['/revoke', { token: 'x' }]] as const
  for (const [path, form] of PLACES) {
    it(`E3 keeps no right ones from ${path}, and is itself slowed down`, async () => {
      await service.pass(61)
      const wrong = { ...form, client_id: 'poster', client_secret: 'wrong' }
      const right = { ...form, client_id: 'poster', client_secret: SECRET }
      for (let round = 0; round < 4; round += 1) {
        await flood(10, () => service.post(path, form, basic('plain', 'wrong')))
        await flood(10, () => service.post(path, wrong))
        await flood(10, () => service.post(path, { ...form, ...asserted('good', evil) }))
        assert.equal(await codeOf(path, form, basic('plain')), 200)
        assert.equal(await codeOf(path, right), 200)
        assert.equal(await codeOf(path, { ...form, ...asserted('good', good) }), 200)
      }
      assert.equal(await codeOf(path, wrong), '429 temporarily_unavailable')
      assert.equal(await codeOf(path, form, basic('plain', 'wrong')), '429 temporarily_unavailable')
      assert.equal(await codeOf(path, { ...form, ...asserted('good', evil) }), '429 temporarily_unavailable')
    })
  }
})

describe('a name that no client can have', () => {
  const name = (at: number): string => `${at}${'n'.repeat(15_600)}`
  const WAYS: readonly (readonly [string, (at: number) => Promise<unknown>])[] = [
    ['client_id', (at) => codeOf('/token', { ...CC, client_id: name(at) })],
    ['client_id beside a secret', (at) => codeOf('/token', { ...CC, client_id: name(at), client_secret: 'x' })],
    ['HTTP Basic', (at) => codeOf('/token', CC, basic(name(at).slice(0, 5000), 'x'))],
    ['the subject of an assertion', (at) => codeOf('/token', { ...CC, ...asserted(name(at).slice(0, 5000), evil) })],
  ]
  for (const [what, send] of WAYS) {
    it(`E8 in ${what} is refused before anything is remembered of it`, async () => {
      await service.pass(61)
      // What is counted would be refused with 429 from the eleventh time on.
      for (let round = 0; round < 12; round += 1) assert.equal(await send(0), '401 invalid_client')
    })
  }
})

describe('a client that uses up its share of identifiers', () => {
  it('E4 E5 E6 changes nothing for another, and can still revoke', { timeout: 120_000 }, async (context) => {
    if (!isWhole) return context.skip('npm test -- --all fills the share')
    const mine = await service.post('/token', { ...CC, ...asserted('evil', evil) })
    const others = await service.post('/token', CC, basic('plain'))
    const exp = Math.floor(service.now()) + 3590
    await flood(MAX_MARKS_PER_CLIENT, () => service.post('/token', { ...CC, ...asserted('evil', evil, { exp }) }))
    assert.equal(await codeOf('/token', { ...CC, ...asserted('evil', evil) }), '503 temporarily_unavailable')
    const refused = service.events.at(-1)
    assert.equal(refused?.name === 'client.refused' && refused.reason, 'full')
    assert.equal(await codeOf('/token', { ...CC, ...asserted('good', good) }), 200)
    const token = String(others.body['access_token'])
    assert.equal(await codeOf('/revoke', { token }, basic('plain')), 200)
    assert.equal((await service.post('/introspect', { token }, basic('plain'))).text, '{"active":false}\n')
    // Its own marks are over a little after they expire.
    assert.equal(mine.status, 200)
    await service.pass(3800)
    assert.equal(await codeOf('/token', { ...CC, ...asserted('evil', evil) }), 200)
  })
})
