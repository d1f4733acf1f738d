import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { after, before, describe, it } from 'node:test'
import { decodeToken } from '../support/app.ts'
import {
  ACCESS_TOKEN, type Answer, ASSERTION, basic, BEARER, client, EXCHANGE, HASH, newParty, SECRET, type Service,
  startService,
} from '../support/oauth.ts'
import { sha256 } from '../../src/jose/digest.ts'
import { carryOut } from '../../src/keyring/order.ts'

const keeper = newParty()
const workload = newParty('w')
const CI = 'https://ci.example'
const trusts = [{ issuer: CI, subjects: ['repo:org/x:main', 'tag:*'] }]
const CC = { grant_type: 'client_credentials' }
const BY_KEY = { token_endpoint_auth_method: 'private_key_jwt', client_secret_hashes: undefined }
const OPEN = { token_endpoint_auth_method: 'none', client_secret_hashes: undefined }
const AUDIENCES = ['api', 'https://a.example/x', 'third']

let service: Service
before(async () => {
  service = await startService([
    client('plain', { claims: { tier: 'gold' }, ttl: '5m' }),
    client('a:b/+%', {}),
    client('poster', { token_endpoint_auth_method: 'client_secret_post', audiences: AUDIENCES }),
    client('two', { client_secret_hashes: [sha256('newer'), HASH] }),
    client('keeper', { ...BY_KEY, jwks: { keys: [keeper.jwk] } }),
    client('middle', { grant_types: ['client_credentials', EXCHANGE], trusts }),
    client('next', { grant_types: ['client_credentials', EXCHANGE] }),
    client('job', { ...OPEN, grant_types: [BEARER], trusts }),
  ], [{ issuer: CI, jwks: { keys: [workload.jwk] } }], ['--max-ttl', '1h'])
})
after(() => service.close())

const token = ({ body }: Answer): ReturnType<typeof decodeToken> => decodeToken(String(body['access_token']))
/** The parameters of a right assertion by the client `keeper`, or of one that is wrong in what is overridden. */
const asserted = (claims: object = {}): { client_assertion_type: string; client_assertion: string } =>
  ({ client_assertion_type: ASSERTION, client_assertion: service.assertion('keeper', keeper, claims) })

describe('POST /token', () => {
  it('C5 C17 answers an access token of RFC 9068 to a client by HTTP Basic', async () => {
    const answer = await service.post('/token', CC, basic('plain'))
    assert.equal(answer.status, 200, answer.text)
    const { access_token: _made, ...stated } = answer.body
    assert.deepEqual(stated, { token_type: 'Bearer', expires_in: 300, scope: 'read write' })
    assert.deepEqual([answer.headers.get('cache-control'), answer.headers.get('pragma')], ['no-store', 'no-cache'])
    const { header, claims } = token(answer)
    assert.deepEqual({ ...header, kid: '' }, { alg: 'ES256', kid: '', typ: 'at+jwt' })
    const { iat, exp, nbf, jti, iss, ...others } = claims
    assert.equal(iss, service.issuer)
    assert.deepEqual(others, { sub: 'plain', aud: 'api', client_id: 'plain', scope: 'read write', tier: 'gold' })
    assert.deepEqual([Number(exp) - Number(iat), Number(nbf) < Number(iat), String(jti).length], [300, true, 22])
  })

  it('takes the secret from the body, and the same client_id beside HTTP Basic', async () => {
    assert.equal((await service.post('/token', { ...CC, client_id: 'poster', client_secret: SECRET })).status, 200)
    assert.equal((await service.post('/token', { ...CC, client_id: 'plain' }, basic('plain'))).status, 200)
  })

  it('C3 takes HTTP Basic that is form-encoded inside, so that a colon can be in a name', async () => {
    assert.equal((await service.post('/token', CC, basic('a:b/+%'))).status, 200)
  })

  it('takes either of two secrets, so that one can be rotated', async () => {
    for (const secret of ['newer', SECRET]) {
      assert.equal((await service.post('/token', CC, basic('two', secret))).status, 200)
    }
  })

  it('takes an assertion, with and without client_id', async () => {
    for (const others of [{}, { client_id: 'keeper' }]) {
      const answer = await service.post('/token', { ...CC, ...others, ...asserted() })
      assert.equal(answer.status, 200, answer.text)
    }
  })

  it('B16 takes an assertion once, and its jti of another client as well', async () => {
    const form = { ...CC, ...asserted({ jti: 'same' }) }
    assert.equal((await service.post('/token', form)).status, 200)
    assert.equal((await service.post('/token', form)).body['error'], 'invalid_client')
    const other = { ...CC, ...asserted({ jti: 'same', exp: Math.floor(service.now()) + 90 }) }
    assert.equal((await service.post('/token', other)).body['error'], 'invalid_client')
  })

  it('C9 gives what was asked of scope and audience, and says so', async () => {
    const poster = { client_id: 'poster', client_secret: SECRET }
    const post = (form: object): Promise<Answer> => service.post('/token', { ...CC, ...poster, ...form })
    const narrow = await post({ scope: 'write', resource: 'https://a.example/x' })
    const { scope, aud } = token(narrow).claims
    assert.deepEqual([narrow.body['scope'], scope, aud], ['write', 'write', 'https://a.example/x'])
    const both = await post({ resource: 'https://a.example/x', audience: 'third' })
    assert.deepEqual(token(both).claims['aud'], ['https://a.example/x', 'third'])
  })

  it('C1 takes resource and audience as often as they come', async () => {
    const poster = { ...CC, client_id: 'poster', client_secret: SECRET }
    const ask = (more: string): Promise<Answer> => service.post('/token', `${new URLSearchParams(poster)}&${more}`)
    const url = 'resource=https%3A%2F%2Fa.example%2Fx'
    const all = await ask(`${url}&audience=third&audience=api&${url}&audience=&resource=`)
    assert.deepEqual(token(all).claims['aud'], ['https://a.example/x', 'third', 'api'])
    for (const wrong of [`${url}&audience=fourth`, `${url}&resource=x`, `audience=api&resource=https://b.example`]) {
      assert.equal((await ask(wrong)).body['error'], 'invalid_target', wrong)
    }
    assert.equal((await ask('scope=read&scope=read')).body['error'], 'invalid_request')
    const { name, ...told } = service.events.findLast((event) => event.name === 'request.refused') ?? { name: '' }
    assert.equal(name, 'request.refused')
    assert.deepEqual(told, { client: 'poster', code: 'invalid_target', detail: 'The token cannot be for this target' })
  })

  it('C1 ignores a parameter that it does not know', async () => {
    assert.equal((await service.post('/token', { ...CC, unknown: 'x', scope: '' }, basic('plain'))).status, 200)
  })

  it('tells the log who got a token, and nothing secret', async () => {
    await service.post('/token', CC, basic('plain'))
    await service.post('/token', CC, basic('secret-typed-as-a-name', 'x'))
    const minted = service.events.findLast(({ name }) => name === 'token.minted')
    assert.equal(minted?.name === 'token.minted' && minted.client, 'plain')
    const unregistered = { client: 'unknown', address: '127.0.0.1', reason: 'unregistered' }
    assert.deepEqual(service.events.at(-1), { name: 'client.refused', ...unregistered })
    assert.ok(!JSON.stringify(service.events).includes('secret-typed'))
  })
})

describe('the exchange of tokens', () => {
  const subject = async (scope = 'read write'): Promise<string> =>
    String((await service.post('/token', { ...CC, scope }, basic('plain'))).body['access_token'])
  const exchange = (from: string, by = 'middle', form: object = {}): Promise<Answer> => {
    const usual = { grant_type: EXCHANGE, subject_token: from, subject_token_type: ACCESS_TOKEN }
    return service.post('/token', { ...usual, ...form }, basic(by))
  }

  it('C11 keeps the subject, names the actors inside out, and narrows scope and life', async () => {
    const first = await subject('read')
    await service.pass(100)
    const once = await exchange(first)
    assert.equal(once.status, 200, once.text)
    const { issued_token_type: type, scope, expires_in: lifetime } = once.body
    assert.deepEqual([type, scope, lifetime], [ACCESS_TOKEN, 'read', 200])
    const twice = await exchange(String(once.body['access_token']), 'next')
    const { sub, act, client_id: id, exp } = token(twice).claims
    assert.deepEqual([sub, act, id], ['plain', { sub: 'next', act: { sub: 'middle' } }, 'next'])
    assert.equal(exp, decodeToken(first).claims['exp'])
  })

  it('B12 says nothing of the claims of a token whose signature does not hold', async () => {
    const [header = '', , signature] = (await subject()).split('.')
    for (const claims of ['{', '{}', '{"iss":"https://nobody.example"}', `{"iss":"${service.issuer}","exp":1}`]) {
      const answer = await exchange(`${header}.${Buffer.from(claims).toString('base64url')}.${signature}`)
      assert.match(String(answer.body['error_description']), /\((?:signature|untrusted)\)$/, claims)
    }
  })

  it('takes a token of a trusted issuer for a subject that the client may trade in', async () => {
    const now = Math.floor(service.now())
    const aud = [service.issuer, 'x']
    const make = (sub: string): string => workload.token({}, { iss: CI, sub, aud, iat: now, exp: now + 120 })
    const answer = await exchange(make('tag:1'))
    assert.equal(answer.status, 200, answer.text)
    const { sub, act, aud: own } = token(answer).claims
    assert.deepEqual([sub, act, own, answer.body['expires_in']], ['tag:1', { sub: 'middle' }, 'api', 120])
    assert.equal((await exchange(make('repo:org/x:other'))).status, 400)
    assert.equal((await exchange(make('tag:1'), 'next')).status, 400)
  })

  it('refuses a revoked token', async () => {
    const from = await subject()
    await service.post('/revoke', { token: from }, basic('plain'))
    assert.match((await exchange(from)).text, /revoked/)
  })
})

describe('an assertion as a grant', () => {
  it('trades a workload\'s tokens for tokens of ours, as many as it has', async () => {
    const iat = Math.floor(service.now())
    const claims = { iss: CI, sub: 'repo:org/x:main', aud: service.issuer, iat, exp: iat + 600 }
    for (let round = 0; round < 2; round += 1) {
      const assertion = workload.token({ typ: 'JWT' }, { ...claims, jti: `j${round}` })
      const answer = await service.post('/token', { grant_type: BEARER, client_id: 'job', assertion, scope: 'read' })
      assert.equal(answer.status, 200, answer.text)
      const { sub, client_id: id, scope } = token(answer).claims
      assert.deepEqual([sub, id, scope], ['repo:org/x:main', 'job', 'read'])
    }
  })
})

describe('POST /introspect and /revoke', () => {
  it('C14 tell of a token in force, and of any other that it is not', async () => {
    const minted = await service.post('/token', CC, basic('plain'))
    const text = String(minted.body['access_token'])
    const { body } = await service.post('/introspect', { token: text }, basic('next'))
    const { iss, sub, aud, exp, iat, nbf, jti, scope, client_id } = token(minted).claims
    const shown = { scope, client_id, sub, aud, iss, exp, iat, nbf, jti }
    assert.deepEqual(body, { active: true, token_type: 'Bearer', ...shown })
    for (const other of ['x', `${text}x`, SECRET]) {
      assert.equal((await service.post('/introspect', { token: other }, basic('next'))).text, '{"active":false}\n')
    }
    await service.pass(301)
    assert.equal((await service.post('/introspect', { token: text }, basic('next'))).text, '{"active":false}\n')
  })

  it('C15 answer 200 to the revocation of anything, and take back what was the client\'s', async () => {
    const text = String((await service.post('/token', CC, basic('plain'))).body['access_token'])
    for (const one of [text, text, 'unknown']) {
      const answer = await service.post('/revoke', { token: one, token_type_hint: 'access_token' }, basic('plain'))
      assert.deepEqual([answer.status, answer.text], [200, ''])
    }
    assert.equal((await service.post('/introspect', { token: text }, basic('next'))).text, '{"active":false}\n')
    assert.equal(service.events.filter(({ name }) => name === 'token.revoked').length >= 1, true)
  })

  it('know a token no more whose key was revoked', async () => {
    const text = String((await service.post('/token', CC, basic('plain'))).body['access_token'])
    const kid = String(decodeToken(text).header['kid'])
    const done = await service.app.keyring.perform((ring, input) =>
      carryOut(ring, { action: 'revoke', kid, force: true, reason: 'test' }, input))
    assert.ok(done.ok)
    assert.equal((await service.post('/introspect', { token: text }, basic('next'))).text, '{"active":false}\n')
    assert.equal((await service.post('/token', CC, basic('plain'))).status, 200)
  })
})

describe('the metadata of a token service', () => {
  it('C16 C18 name what is mounted and nothing else, also below the path of an issuer', async () => {
    const own = await startService([client('one')], [], ['--issuer', 'https://example.test/tenant'])
    const response = await fetch(`${own.url}/.well-known/oauth-authorization-server/tenant`)
    const metadata = await response.json() as Record<string, unknown>
    for (const name of ['token_endpoint', 'introspection_endpoint', 'revocation_endpoint']) {
      const { pathname } = new URL(String(metadata[name]))
      assert.equal((await own.post(pathname, {})).body['error'], 'invalid_client', name)
    }
    const answer = await own.post('/tenant/token', CC, basic('one'))
    const { alg } = decodeToken(String(answer.body['access_token'])).header
    assert.deepEqual(metadata['id_token_signing_alg_values_supported'], [alg])
    assert.deepEqual(metadata['grant_types_supported'], ['client_credentials'])
    for (const name of Object.keys(metadata).filter((member) => member.includes('signing_alg'))) {
      assert.ok(!(metadata[name] as string[]).some((value) => /^(?:none|HS)/i.test(value)), name)
    }
    await own.close()
  })
})

describe('what clients may use', () => {
  it('is listed in the metadata and taken by /token as soon as a client is registered for it', async () => {
    const own = await startService([client('one')])
    const listed = async (): Promise<readonly unknown[]> => {
      const { grant_types_supported: grants, dpop_signing_alg_values_supported: dpop } =
        await (await fetch(`${own.url}/.well-known/oauth-authorization-server`)).json() as Record<string, unknown>
      return [grants, dpop !== undefined]
    }
    const bearer = { grant_type: BEARER, assertion: 'x' }
    assert.deepEqual(await listed(), [['client_credentials'], false])
    assert.equal((await own.post('/token', bearer, basic('one'))).body['error'], 'unsupported_grant_type')
    const early = await own.post('/token', CC, { ...basic('one'), dpop: 'x' })
    assert.deepEqual([early.status, early.body['error']], [400, 'invalid_dpop_proof'])
    assert.match(String(early.body['error_description']), /dpop_bound_access_tokens/)
    const clients = [client('one', { grant_types: [EXCHANGE, BEARER], dpop_bound_access_tokens: false })]
    writeFileSync(own.file, JSON.stringify({ clients }))
    await own.app.reload?.()
    assert.deepEqual(await listed(), [[EXCHANGE, BEARER], true])
    assert.equal((await own.post('/token', bearer, basic('one'))).body['error'], 'invalid_grant')
    await own.close()
  })
})

describe('the file of clients', () => {
  it('is followed as it changes; a faulty one is refused whole', { timeout: 20_000 }, async () => {
    const own = await startService([client('one')])
    const write = (content: string): void => {
      writeFileSync(`${own.file}.new`, content, { mode: 0o600 })
      renameSync(`${own.file}.new`, own.file)
    }
    const until = async (name: string, count: number): Promise<void> => {
      while (own.events.filter((event) => event.name === name).length < count) await pause(50)
    }
    write(JSON.stringify({ clients: [client('one'), client('late')] }))
    await until('clients.loaded', 2)
    assert.equal((await own.post('/token', CC, basic('late'))).status, 200)
    write(JSON.stringify({ clients: [client('one', { scopes: 'typo' })] }))
    await until('clients.failed', 1)
    const failed = own.events.findLast(({ name }) => name === 'clients.failed')
    assert.equal(failed?.name === 'clients.failed' && failed.detail, 'clients[0] has an unknown member "scopes"')
    assert.equal((await own.post('/token', CC, basic('late'))).status, 200)
    write(JSON.stringify({ clients: [] }))
    await own.app.reload?.()
    assert.equal((await own.post('/token', CC, basic('late', randomUUID()))).status, 401)
    await own.close()
    await own.app.close()
  })
})
