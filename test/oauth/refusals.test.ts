import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  ACCESS_TOKEN, type Answer, ASSERTION, basic, BEARER, client, EXCHANGE, HASH, newParty, SECRET, type Service,
  startService,
} from '../support/oauth.ts'

const keeper = newParty()
const jwks = { keys: [keeper.jwk] }
const keys = { token_endpoint_auth_method: 'private_key_jwt', client_secret_hashes: undefined, jwks }

let service: Service
let token = ''
let foreign = ''
before(async () => {
  service = await startService([
    client('plain'),
    client('poster', { token_endpoint_auth_method: 'client_secret_post' }),
    client('keeper', keys),
    client('bound', { dpop_bound_access_tokens: true }),
    client('exchanger', { grant_types: [EXCHANGE], audiences: ['api', 'https://a.example/x'] }),
    client('narrow', { grant_types: ['client_credentials', EXCHANGE], audiences: ['other'], scope: 'read' }),
    client('job', { token_endpoint_auth_method: 'none', client_secret_hashes: undefined, grant_types: [BEARER] }),
  ])
  const exp = service.now() + 36_000
  foreign = newParty().token({}, { iss: 'https://nobody.example', sub: 'x', aud: service.issuer, exp })
})
after(() => service.close())

type Texts = Readonly<Record<string, string>>

/** A request that is refused: where and why. */
interface Refusal {
  readonly path: string
  readonly form: string | Texts
  readonly headers: Texts
  readonly status: number
  readonly error: string
}

const CC = { grant_type: 'client_credentials' }
const CC_TEXT = 'grant_type=client_credentials'
const CODE = { grant_type: 'authorization_code', code: 'x' }
const REFRESH = { grant_type: 'refresh_token', refresh_token: 'x' }
const PASSWORD = { grant_type: 'password', username: 'a', password: 'b' }
const SECRET_OF_PLAIN = { client_id: 'plain', client_secret: SECRET }
const WEB_FORM = 'application/x-www-form-urlencoded'

/** Client credentials without HTTP Basic. */
const inBody = (others: object): Partial<Refusal> => ({ headers: {}, form: { ...CC, ...others } })
/** The parameters of an assertion by the client `keeper`. */
const asserted = (claims: object = {}): Texts =>
  ({ client_assertion_type: ASSERTION, client_assertion: service.assertion('keeper', keeper, claims) })
/** A JWT bearer grant of the client `job`. */
const bearer = (others: object = {}): Partial<Refusal> =>
  ({ headers: {}, form: { grant_type: BEARER, client_id: 'job', ...others } })
/** An exchange of a right token by the client `exchanger`; undefined leaves a parameter out. */
const exchange = (others: object = {}, by = 'exchanger'): Partial<Refusal> => {
  const form = { grant_type: EXCHANGE, subject_token: token, subject_token_type: ACCESS_TOKEN, ...others }
  const set = Object.entries(form).filter(([, value]) => value !== undefined)
  return { headers: basic(by), form: Object.fromEntries(set) }
}
/** HTTP Basic with this text inside. */
const basicOf = (inside: string): Partial<Refusal> =>
  ({ headers: { authorization: `Basic ${Buffer.from(inside).toString('base64')}` } })
/** Client credentials of the client `plain`, with more parameters. */
const asks = (others: object): Partial<Refusal> => ({ form: { ...CC, ...others } })
const introspects = (headers: Texts, form: Texts = { token }): Partial<Refusal> =>
  ({ path: '/introspect', headers, form })
const revokes = (headers: Texts, form: Texts = { token }): Partial<Refusal> => ({ path: '/revoke', headers, form })
const headed = (others: Texts): Partial<Refusal> => ({ headers: { ...basic('plain'), ...others } })

type Row = readonly [name: string, make: () => Refusal]

const row = (rule: string, what: string, error: string, make: () => Partial<Refusal>): Row => {
  const status = error === 'invalid_client' ? 401 : 400
  const usual = { path: '/token', form: CC, headers: basic('plain'), status, error }
  return [`${rule} ${what}: ${error}`, () => ({ ...usual, ...make() })]
}

const ROWS: readonly Row[] = [
  // RFC 6749 section 3.2 and 5.2
  row('C1', 'no grant_type', 'invalid_request', () => ({ form: {} })),
  row('C1', 'an empty grant_type counts as none', 'invalid_request', () => ({ form: 'grant_type=' })),
  row('C1', 'grant_type twice', 'invalid_request', () => ({ form: `${CC_TEXT}&${CC_TEXT}` })),
  row('C1', 'an unknown parameter twice', 'invalid_request', () => ({ form: `${CC_TEXT}&x=1&x=1` })),
  row('C1', 'a name that is not form-encoded', 'invalid_request', () => ({ form: `${CC_TEXT}&%zz=1` })),
  row('C1', 'a value that is no UTF-8', 'invalid_request', () => ({ form: `${CC_TEXT}&scope=%ff` })),
  row('C1', 'a JSON body', 'invalid_request', () => ({
    form: JSON.stringify(CC), ...headed({ 'content-type': 'application/json' }),
  })),
  row('C1', 'another charset', 'invalid_request', () => headed({ 'content-type': `${WEB_FORM}; charset=latin1` })),
  row('C12', 'the password grant', 'unsupported_grant_type', () => ({ form: PASSWORD })),
  row('C12', 'the authorization code grant', 'unsupported_grant_type', () => ({ form: CODE })),
  row('C12', 'the refresh token grant', 'unsupported_grant_type', () => ({ form: REFRESH })),
  row('C12', 'the implicit grant', 'unsupported_grant_type', () => ({ form: { grant_type: 'implicit' } })),
  row('C1', 'a grant in other letters', 'unsupported_grant_type', () => ({
    form: { grant_type: 'Client_Credentials' },
  })),
  row('6749 5.2', 'a grant that is not the client\'s', 'unauthorized_client', () => exchange({}, 'plain')),
  row('6749 5.2', 'client_credentials for a client of another grant', 'unauthorized_client', () => ({
    headers: basic('exchanger'),
  })),
  // RFC 6749 section 2.3
  row('6749 5.2', 'no authentication at all', 'invalid_client', () => ({ headers: {} })),
  row('C4', 'a wrong secret', 'invalid_client', () => ({ headers: basic('plain', 'wrong') })),
  row('C4', 'an empty secret', 'invalid_client', () => ({ headers: basic('plain', '') })),
  row('C6', 'an unknown client', 'invalid_client', () => ({ headers: basic('nobody') })),
  row('D9', 'a client named __proto__', 'invalid_client', () => ({ headers: basic('__proto__') })),
  row('D9', 'a client named constructor', 'invalid_client', () => ({ headers: basic('constructor') })),
  row('C4', 'an empty client', 'invalid_client', () => ({ headers: basic('') })),
  row('C7', 'the hash of the secret in place of the secret', 'invalid_client', () => ({
    headers: basic('plain', HASH),
  })),
  row('6749 2.3', 'a secret in the body by a client of Basic', 'invalid_client', () => inBody(SECRET_OF_PLAIN)),
  row('6749 2.3', 'Basic by a client of the body', 'invalid_client', () => ({ headers: basic('poster') })),
  row('6749 2.3', 'a secret by a client of keys', 'invalid_client', () => ({ headers: basic('keeper') })),
  row('6749 2.3', 'client_id alone by a client of Basic', 'invalid_client', () => inBody({ client_id: 'plain' })),
  row('C2', 'Basic and a secret in the body', 'invalid_request', () => asks(SECRET_OF_PLAIN)),
  row('C2', 'Basic and an assertion', 'invalid_request', () => asks(asserted())),
  row('C2', 'a secret and an assertion', 'invalid_request', () =>
    inBody({ client_id: 'keeper', client_secret: SECRET, ...asserted() })),
  row('C2', 'Basic and another client_id', 'invalid_request', () => asks({ client_id: 'poster' })),
  row('C2', 'a secret without client_id', 'invalid_request', () => inBody({ client_secret: SECRET })),
  row('C3', 'Basic that is no base64', 'invalid_client', () => ({ headers: { authorization: 'Basic !!!' } })),
  row('C3', 'Basic without a colon', 'invalid_client', () => basicOf('plain')),
  row('C3', 'Basic that is not form-encoded inside', 'invalid_client', () => basicOf('plain:%zz')),
  row('C4', 'a bearer token in place of credentials', 'invalid_client', () => ({
    headers: { authorization: `Bearer ${SECRET}` },
  })),
  // RFC 7523 sections 2.2 and 3
  row('C8', 'an assertion without its type', 'invalid_request', () =>
    inBody({ client_assertion: service.assertion('keeper', keeper) })),
  row('C8', 'a type without an assertion', 'invalid_request', () => inBody({ client_assertion_type: ASSERTION })),
  row('C8', 'an assertion of another type', 'invalid_request', () =>
    inBody({ ...asserted(), client_assertion_type: `${ASSERTION}/` })),
  row('C8', 'an assertion of a client that has none', 'invalid_client', () =>
    inBody(asserted({ iss: 'plain', sub: 'plain' }))),
  row('C8', 'an assertion beside another client_id', 'invalid_request', () =>
    inBody({ client_id: 'plain', ...asserted() })),
  row('C8', 'an assertion without a subject beside a client_id', 'invalid_client', () =>
    inBody({ client_id: 'keeper', ...asserted({ sub: undefined }) })),
  row('7523 2.1', 'no assertion', 'invalid_request', () => bearer()),
  row('7523 3.1', 'an assertion of an issuer that nobody trusts', 'invalid_grant', () =>
    bearer({ assertion: foreign })),
  row('7523 3.1', 'an assertion that is none', 'invalid_grant', () => bearer({ assertion: 'x' })),
  row('6749 5.2', 'client_credentials by a client without authentication', 'unauthorized_client', () =>
    inBody({ client_id: 'job' })),
  // RFC 6749 section 3.3, RFC 8707 section 2
  row('C9', 'a scope that the client may not have', 'invalid_scope', () => asks({ scope: 'read admin' })),
  row('C9', 'a scope with two spaces', 'invalid_scope', () => asks({ scope: 'read  write' })),
  row('C9', 'a scope with a quote', 'invalid_scope', () => asks({ scope: 'read"' })),
  row('C9', 'a scope in other letters', 'invalid_scope', () => asks({ scope: 'Read' })),
  row('C10', 'a resource that is no URI', 'invalid_target', () => asks({ resource: 'api' })),
  row('C10', 'a resource with a fragment', 'invalid_target', () => asks({ resource: 'https://a.example/#x' })),
  row('C10', 'a resource that the client may not have', 'invalid_target', () =>
    asks({ resource: 'https://a.example/' })),
  row('C10', 'an audience that the client may not have', 'invalid_target', () => asks({ audience: 'other' })),
  row('C10', 'one audience that it may have and a resource that it may not', 'invalid_target', () =>
    asks({ audience: 'api', resource: 'https://a.example/' })),
  // RFC 8693 section 2
  row('8693 2.1', 'no subject_token', 'invalid_request', () => exchange({ subject_token: undefined })),
  row('8693 2.1', 'no subject_token_type', 'invalid_request', () => exchange({ subject_token_type: undefined })),
  row('8693 2.1', 'a subject token of an unknown type', 'invalid_request', () =>
    exchange({ subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' })),
  row('8693 2.1', 'an unknown type asked for', 'invalid_request', () =>
    exchange({ requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' })),
  row('8693 2.1', 'an actor token', 'invalid_request', () =>
    exchange({ actor_token: token, actor_token_type: ACCESS_TOKEN })),
  row('8693 2.2.2', 'a subject token that is none', 'invalid_request', () => exchange({ subject_token: 'x.y.z' })),
  row('8693 2.2.2', 'a subject token of an unknown issuer', 'invalid_request', () =>
    exchange({ subject_token: foreign })),
  row('C11', 'an audience beyond the subject token\'s', 'invalid_target', () =>
    exchange({ audience: 'https://a.example/x' })),
  row('C11', 'a scope beyond the subject token\'s', 'invalid_scope', () => exchange({ scope: 'write' })),
  row('C11', 'a subject token for nothing that the client may have', 'invalid_target', () => exchange({}, 'narrow')),
  // RFC 9449 section 5
  row('C13', 'no proof where one is due', 'invalid_dpop_proof', () => ({ headers: basic('bound') })),
  row('C13', 'a proof that is none', 'invalid_dpop_proof', () => ({ headers: { ...basic('plain'), dpop: 'x' } })),
  // RFC 7662 section 2.1, RFC 7009 section 2.1
  row('C14', 'introspection without authentication', 'invalid_client', () => introspects({})),
  row('C14', 'introspection with a wrong secret', 'invalid_client', () => introspects(basic('plain', 'wrong'))),
  row('C14', 'introspection by a client that proves nothing', 'invalid_client', () =>
    introspects({}, { token, client_id: 'job' })),
  row('C14', 'introspection of nothing', 'invalid_request', () => ({ path: '/introspect', form: {} })),
  row('7009 2.1', 'revocation without authentication', 'invalid_client', () => revokes({})),
  row('7009 2.1', 'revocation by a client that proves nothing', 'invalid_client', () =>
    revokes({}, { token, client_id: 'job' })),
  row('7009 2.1', 'revocation of nothing', 'invalid_request', () => ({ path: '/revoke', form: {} })),
  row('7009 2.1', 'revocation of another client\'s token', 'unauthorized_client', () => revokes(basic('narrow'))),
]

describe('a client is refused', () => {
  for (const [name, make] of ROWS) {
    it(name, async () => {
      // The failures of the rows before must not throttle this one.
      await service.pass(61)
      token = String((await service.post('/token', { ...CC, scope: 'read' }, basic('plain'))).body['access_token'])
      const { path, form, headers, status, error } = make()
      const answer = await service.post(path, form, headers)
      assert.deepEqual([answer.status, answer.body['error']], [status, error], answer.text)
      assert.deepEqual(Object.keys(answer.body), ['error', 'error_description'])
      // RFC 6749 section 5.2: the description is plain ASCII without quotes and backslashes.
      assert.match(String(answer.body['error_description']), /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/)
      assert.equal(answer.headers.get('cache-control'), 'no-store')
      assert.equal(answer.headers.get('content-type'), 'application/json')
      assert.equal(answer.headers.has('www-authenticate'), status === 401)
    })
  }

  it('C6 in the same words whether it is unknown or its secret is wrong', async () => {
    const unknown = await service.post('/token', CC, basic('nobody'))
    const wrong = await service.post('/token', CC, basic('plain', 'wrong'))
    assert.equal(unknown.text, wrong.text)
    assert.deepEqual([...unknown.headers.keys()], [...wrong.headers.keys()])
  })

  it('C1 by any method but POST', async () => {
    for (const path of ['/token', '/introspect', '/revoke']) {
      const answer = await fetch(`${service.url}${path}`)
      assert.deepEqual([answer.status, answer.headers.get('allow')], [405, 'POST, OPTIONS'])
    }
  })

  it('C1 with its parameters in the query', async () => {
    const answer = await service.post('/token?grant_type=client_credentials', {}, basic('plain'))
    assert.deepEqual([answer.status, answer.body['error']], [400, 'invalid_request'])
  })

  it('D7 by the browser, as a web page of any origin: no header lets the page read the answer', async () => {
    const headers = { ...basic('plain'), 'origin': 'https://evil.example', 'access-control-request-method': 'POST' }
    const answer = await fetch(`${service.url}/token`, { method: 'POST', body: new URLSearchParams(CC), headers })
    const preflight = await fetch(`${service.url}/token`, { method: 'OPTIONS', headers })
    assert.deepEqual([answer.status, preflight.status], [200, 204])
    for (const one of [answer, preflight]) assert.equal(one.headers.get('access-control-allow-origin'), null)
  })

  it('after ten failures, for a minute, from that address and under that name alone', async () => {
    await service.pass(61)
    const fail = (): Promise<Answer> => service.post('/token', CC, basic('plain', 'wrong'))
    for (let attempt = 0; attempt < 10; attempt += 1) assert.equal((await fail()).status, 401)
    const { status, headers, body } = await fail()
    assert.deepEqual([status, headers.get('retry-after'), body['error']], [429, '60', 'temporarily_unavailable'])
    assert.equal((await service.post('/token', { ...CC, client_id: 'poster', client_secret: 'wrong' })).status, 401)
    const right = await service.post('/token', CC, basic('plain'))
    assert.equal(right.status, 200, 'right credentials win during any flood')
    await service.pass(61)
    assert.equal((await fail()).status, 401)
  })
})

describe('an Origin in a request of a client', () => {
  for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1']) {
    it(`D7 changes nothing, and lets no page read the answer: ${origin}`, async () => {
      const headers = { ...basic('plain'), origin }
      for (const [path, status] of [['/token', 200], ['/introspect', 200], ['/revoke', 200]] as const) {
        const body = new URLSearchParams(path === '/token' ? CC : { token: 'x' })
        const answer = await fetch(`${service.url}${path}`, { method: 'POST', body, headers })
        assert.equal(answer.status, status, path)
        assert.equal(answer.headers.get('access-control-allow-origin'), null)
      }
      const init = { method: 'POST', body: new URLSearchParams(CC), headers: { ...basic('plain', 'wrong'), origin } }
      const answer = await fetch(`${service.url}/token`, init)
      const { error } = await answer.json() as { error: string }
      assert.deepEqual([answer.status, error], [401, 'invalid_client'])
    })
  }
})
