import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  type Answer, ASSERTION, basic, BEARER, client, newParty, SECRET, type Service, startService,
} from '../support/oauth.ts'

const CC = { grant_type: 'client_credentials' }
const keeper = newParty()
const other = newParty('key-2')
const BY_KEY = { token_endpoint_auth_method: 'private_key_jwt', client_secret_hashes: undefined }

let service: Service
before(async () => {
  service = await startService([
    client('plain', { grant_types: ['client_credentials', BEARER] }),
    client('keeper', { ...BY_KEY, jwks: { keys: [keeper.jwk] } }),
  ])
})
after(() => service.close())

const byAssertion = (text: string): Promise<Answer> =>
  service.post('/token', { ...CC, client_assertion_type: ASSERTION, client_assertion: text })
const asserted = (claims: object = {}, header: object = {}, party = keeper): Promise<Answer> =>
  byAssertion(service.assertion('keeper', party, claims, header))

/** What fails, how, and the reason that the log gives; the client learns of none. */
const FAILURES: readonly (readonly [string, string, () => Promise<Answer>])[] = [
  ['a name that nobody has', 'unregistered', () => service.post('/token', CC, basic('nobody'))],
  ['a wrong secret', 'secret', () => service.post('/token', CC, basic('plain', 'wrong'))],
  ['a right secret in the wrong place', 'method',
    () => service.post('/token', { ...CC, client_id: 'plain', client_secret: SECRET })],
  ['no proof', 'method', () => service.post('/token', { ...CC, client_id: 'plain' })],
  ['a secret for a client with a key', 'method', () => service.post('/token', CC, basic('keeper'))],
  ['an assertion that is past', 'exp', () => asserted({ exp: Math.floor(service.now()) - 1 })],
  ['an assertion for the endpoint', 'aud', () => asserted({ aud: `${service.issuer}/token` })],
  ['an assertion of another issuer', 'iss', () => asserted({ iss: 'plain' })],
  ['an assertion without jti', 'jti', () => asserted({ jti: undefined })],
  ['an assertion from the future', 'iat', () => asserted({ iat: Math.floor(service.now()) + 600 })],
  ['an assertion by a key that is not registered', 'kid', () => asserted({}, { kid: 'key-2' }, other)],
  ['an assertion by another key under the right name', 'signature', () => asserted({}, { kid: 'key-1' }, other)],
  ['an assertion by another algorithm', 'alg', () => asserted({}, { alg: 'PS256' })],
  ['an assertion of another type', 'typ', () => asserted({}, { typ: 'at+jwt' })],
  ['an assertion with an extension', 'crit', () => asserted({}, { crit: ['x'] })],
  ['an assertion that was used', 'used', async () => {
    const text = service.assertion('keeper', keeper)
    assert.equal((await byAssertion(text)).status, 200)
    return await byAssertion(text)
  }],
]

describe('a refusal', () => {
  for (const [what, reason, send] of FAILURES) {
    it(`says ${reason} in the log for ${what}, and nothing of it to the client`, async () => {
      await service.pass(61)
      const answer = await send()
      assert.deepEqual([answer.status, answer.body['error']], [401, 'invalid_client'])
      const text = 'The client is not registered, or its authentication failed'
      assert.equal(answer.body['error_description'], text)
      const event = service.events.at(-1)
      assert.equal(event?.name === 'client.refused' ? event.reason : event?.name, reason)
    })
  }

  it('of a request with no credentials, or with several, is in the log, ten times a minute', async () => {
    const sends = [
      () => service.post('/token', CC),
      () => service.post('/token', { ...CC, client_secret: SECRET }),
      () => service.post('/token', { ...CC, client_id: 'plain', client_secret: SECRET }, basic('plain')),
      () => service.post('/introspect', { token: 'x' }),
    ]
    for (const send of sends) {
      await service.pass(61)
      assert.ok((await send()).status >= 400)
      const event = service.events.at(-1)
      assert.equal(event?.name === 'client.refused' && event.reason, 'credentials')
    }
    const count = service.events.length
    for (let attempt = 0; attempt < 30; attempt += 1) assert.equal((await service.post('/token', CC)).status, 401)
    assert.equal(service.events.length - count, 9)
  })

  it('of what an authenticated client asks for is in the log with the sentence that it gets', async () => {
    const answer = await service.post('/token', { grant_type: BEARER, assertion: 'x' }, basic('plain'))
    const [code, detail] = [answer.body['error'], answer.body['error_description']]
    assert.deepEqual(service.events.at(-1), { name: 'request.refused', client: 'plain', code, detail })
    assert.match(String(detail), /\(form\)$/)
  })
})
