import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { decodeToken } from '../support/app.ts'
import {
  ACCESS_TOKEN, type Answer, basic, BEARER, client, EXCHANGE, newParty, type Service, startService,
} from '../support/oauth.ts'

const CC = { grant_type: 'client_credentials' }
const OPEN = { token_endpoint_auth_method: 'none', client_secret_hashes: undefined }
const [ONE, OTHER, CLUSTER] = ['https://one.example', 'https://other.example', 'https://cluster.example'] as const
const workload = newParty('w')
const trusts = [ONE, OTHER, CLUSTER].map((issuer) => ({ issuer, subjects: ['b*', 'alice'] }))
const audiences = ['api', 'second']
const GRANTS = { grant_types: ['client_credentials', EXCHANGE, BEARER], trusts, audiences }

let service: Service
before(async () => {
  const jwks = { keys: [workload.jwk] }
  service = await startService([
    client('billing'),
    client('first', { ...GRANTS, dpop_bound_access_tokens: false }),
    client('middle', GRANTS),
    client('last', GRANTS),
    client('asks', { grant_types: [] }),
    client('foreign', { audiences: ['elsewhere'] }),
    client('deploy', { ...OPEN, grant_types: [BEARER], trusts }),
  ], [{ issuer: ONE, jwks }, { issuer: OTHER, jwks }, { issuer: CLUSTER, jwks, reuse: true }], ['--open-auth'])
})
after(() => service.close())

const textOf = ({ body, text }: Answer): string => {
  assert.ok(typeof body['access_token'] === 'string', text)
  return body['access_token']
}
const get = async (by: string, headers: object = {}): Promise<string> =>
  textOf(await service.post('/token', CC, { ...basic(by), ...headers }))
const exchange = (from: string, by: string, headers: object = {}): Promise<Answer> => {
  const form = { grant_type: EXCHANGE, subject_token: from, subject_token_type: ACCESS_TOKEN }
  return service.post('/token', form, { ...basic(by), ...headers })
}
const revoke = async (token: string, by: string): Promise<void> =>
  assert.equal((await service.post('/revoke', { token }, basic(by))).status, 200)
const isActive = async (token: string, by = 'asks'): Promise<unknown> =>
  (await service.post('/introspect', { token }, basic(by))).body['active']
/** A token of another issuer for us. */
const foreign = (claims: object = {}, header: object = {}): string => {
  const iat = Math.floor(service.now())
  return workload.token(header, { iss: ONE, sub: 'alice', aud: service.issuer, iat, exp: iat + 120, ...claims })
}
const trade = (assertion: string, by = 'deploy'): Promise<Answer> =>
  service.post('/token', { grant_type: BEARER, client_id: by, assertion }, by === 'deploy' ? {} : basic(by))
const proof = (): object => {
  const { kty, crv, x, y } = workload.jwk
  const claims = { jti: randomUUID(), htm: 'POST', htu: `${service.issuer}/token`, iat: Math.floor(service.now()) }
  return { dpop: workload.token({ typ: 'dpop+jwt', kid: undefined, jwk: { kty, crv, x, y } }, claims) }
}

describe('revoking a token', () => {
  it('E12 ends what was exchanged from it, and from that, but not what it came from', async () => {
    const first = await get('first')
    const second = textOf(await exchange(first, 'middle'))
    const third = textOf(await exchange(second, 'last'))
    const aside = textOf(await exchange(first, 'last'))
    const all = [first, second, third, aside]
    assert.deepEqual(await Promise.all(all.map((one) => isActive(one))), [true, true, true, true])
    await revoke(second, 'middle')
    assert.deepEqual(await Promise.all(all.map((one) => isActive(one))), [true, false, false, true])
    assert.match((await exchange(third, 'middle')).text, /revoked/)
    await revoke(first, 'first')
    assert.deepEqual(await Promise.all(all.map((one) => isActive(one))), [false, false, false, false])
  })

  it('E12 ends what was exchanged from a token that was traded for one of another issuer', async () => {
    for (const first of [await exchange(foreign(), 'first'), await trade(foreign(), 'first')]) {
      const next = textOf(await exchange(textOf(first), 'middle'))
      assert.equal(await isActive(next), true)
      await revoke(textOf(first), 'first')
      assert.equal(await isActive(next), false)
    }
  })

  it('names the first token of a line in each (RFC 8417 section 2.2)', async () => {
    const first = await get('first')
    const { jti } = decodeToken(first).claims
    const second = textOf(await exchange(first, 'middle'))
    const third = textOf(await exchange(second, 'last'))
    assert.deepEqual([second, third].map((one) => decodeToken(one).claims['txn']), [jti, jti])
    const { body } = await service.post('/introspect', { token: third }, basic('asks'))
    assert.equal(body['txn'], jti)
  })
})

describe('a bound token', () => {
  it('E9 is never exchanged for one that anybody can use', async () => {
    const bound = await get('first', proof())
    assert.ok(decodeToken(bound).claims['cnf'])
    for (const by of ['middle', 'first']) {
      const answer = await exchange(bound, by)
      assert.deepEqual([answer.status, answer.body['error']], [400, 'invalid_dpop_proof'], answer.text)
    }
    const again = await exchange(bound, 'middle', proof())
    assert.deepEqual([again.body['token_type'], 'cnf' in decodeToken(textOf(again)).claims], ['DPoP', true])
    assert.equal((await exchange(textOf(again), 'last')).body['error'], 'invalid_dpop_proof')
  })

  it('E9 of another issuer is not either, by either grant', async () => {
    const cnf = { 'x5t#S256': 'AAAA' }
    assert.equal((await exchange(foreign({ cnf }), 'middle')).body['error'], 'invalid_dpop_proof')
    for (const by of ['deploy', 'first']) {
      assert.equal((await trade(foreign({ cnf }), by)).body['error'], 'invalid_dpop_proof', by)
    }
    assert.equal((await exchange(foreign({ cnf }), 'middle', proof())).body['token_type'], 'DPoP')
  })
})

describe('the kind of a token', () => {
  it('E17 A14 a development token, or a bad one, is not exchanged for an access token', async () => {
    const body = { sub: 'ceo', aud: 'api', scope: 'read', client_id: 'first' }
    for (const path of ['/auth', '/auth?case=good-plain', '/auth?case=good-typ-missing', '/auth?case=typ-other']) {
      const headers = { 'content-type': 'application/json' }
      const made = await fetch(`${service.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
      const { token } = await made.json() as { token: string }
      const answer = await exchange(token, 'middle')
      assert.match(answer.text, /The subject token is refused \(typ\)/, path)
    }
  })
})

describe('a subject of another issuer', () => {
  it('E16 is never the name of a client, by either grant', async () => {
    for (const sub of ['billing', 'b']) {
      const expected = sub === 'b' ? 200 : 400
      assert.equal((await trade(foreign({ sub }))).status, expected, sub)
      assert.equal((await exchange(foreign({ sub }), 'middle')).status, expected, sub)
    }
  })

  it('E16 brings its issuer with it, through every exchange', async () => {
    const origins = await Promise.all([ONE, OTHER].map(async (iss) => {
      const token = textOf(await trade(foreign({ iss }), 'first'))
      const next = textOf(await exchange(token, 'middle'))
      const { body } = await service.post('/introspect', { token: next }, basic('asks'))
      assert.deepEqual(body['sub_id'], decodeToken(token).claims['sub_id'])
      return decodeToken(next).claims['sub_id']
    }))
    assert.deepEqual(origins, [ONE, OTHER].map((iss) => ({ format: 'iss_sub', iss, sub: 'alice' })))
  })

  const HIDDEN = [...'\n\r\t\0\x1b\x7f\x85\u061c\u200b\u200e\u202e\u2028\u2029\u2066\ufeff', '\ud800', '\udfff']
  it('E16 has no character that hides, reorders or ends a line', async () => {
    for (const one of HIDDEN) {
      const answer = await trade(foreign({ sub: `b${one}c` }))
      assert.match(answer.text, /\((?:sub|untrusted)\)/, JSON.stringify(one))
    }
    assert.equal((await trade(foreign({ sub: 'b żółć 日本 😀' }))).status, 200)
  })

  it('E16 is at most 1,024 bytes long', async () => {
    assert.equal((await trade(foreign({ sub: `b${'x'.repeat(1023)}` }))).status, 200)
    for (const sub of [`b${'x'.repeat(1024)}`, `b${'ż'.repeat(512)}`, `b${'x'.repeat(11_000)}`]) {
      assert.match((await trade(foreign({ sub }))).text, /\(sub\)/)
    }
  })

  it('E16 has actors that cannot pass for clients of ours, and nothing else of them is taken over', async () => {
    const act = { sub: 'billing', iss: service.issuer, more: [[[['x']]]], act: { sub: 'robot' } }
    const answer = await exchange(foreign({ act }), 'middle')
    const theirs = { iss: ONE, sub: 'billing', act: { iss: ONE, sub: 'robot' } }
    assert.deepEqual(decodeToken(textOf(answer)).claims['act'], { sub: 'middle', act: theirs })
    for (const wrong of ['x', {}, { sub: 1 }, { sub: 'a\nb' }, { sub: 'x', act: [] }, { sub: 'x'.repeat(2000) }]) {
      assert.match((await exchange(foreign({ act: wrong }), 'middle')).text, /\(act\)/, JSON.stringify(wrong))
      assert.match((await trade(foreign({ act: wrong }))).text, /\(act\)/, JSON.stringify(wrong))
    }
  })
})

describe('a token of another issuer', () => {
  it('E21 is traded once where it has a jti, whoever does it, by whichever grant, and however many at once', async () => {
    const token = foreign({ jti: randomUUID() })
    const answers = await Promise.all([
      ...Array.from({ length: 5 }, () => trade(token)), trade(token, 'first'), exchange(token, 'middle'),
    ])
    assert.equal(answers.filter(({ status }) => status === 200).length, 1)
    assert.equal((await trade(token)).body['error'], 'invalid_grant')
    assert.equal((await trade(foreign({ jti: 7 }))).status, 200)
    assert.equal((await trade(foreign({ jti: 7 }))).status, 400)
    // The same jti of another issuer is another one.
    const jti = randomUUID()
    for (const iss of [ONE, OTHER]) assert.equal((await trade(foreign({ iss, jti }))).status, 200)
  })

  it('E21 is not used up by a request that earns nothing', async () => {
    const assertion = foreign({ jti: randomUUID() })
    const ask = (scope: string): Promise<Answer> =>
      service.post('/token', { grant_type: BEARER, client_id: 'deploy', assertion, scope })
    assert.equal((await ask('admin')).body['error'], 'invalid_scope')
    assert.equal((await ask('read')).status, 200)
  })

  it('E21 may be traded again without a jti, or where its issuer\'s entry says so', async () => {
    for (const claims of [{}, { iss: CLUSTER, jti: 'j' }]) {
      for (let round = 0; round < 2; round += 1) assert.equal((await trade(foreign(claims))).status, 200)
    }
  })

  it('E21 is not outlived by what it was traded for', async () => {
    const exp = Math.floor(service.now()) + 30
    for (const answer of [await trade(foreign({ exp })), await exchange(foreign({ exp }), 'middle')]) {
      const { claims } = decodeToken(textOf(answer))
      assert.deepEqual([claims['exp'], answer.body['expires_in']], [exp, 30])
    }
  })

  it('E26 is never our own, although the file may name us before our address is known', async () => {
    const own = await startService([client('one')])
    const iss = own.issuer
    const job = client('job', { ...OPEN, grant_types: [BEARER], trusts: [{ issuer: iss, subjects: ['alice'] }] })
    const issuers = [{ issuer: iss, jwks: { keys: [workload.jwk] } }]
    writeFileSync(own.file, JSON.stringify({ clients: [job], issuers }))
    await own.app.reload?.()
    const form = { grant_type: BEARER, client_id: 'job', assertion: foreign({ iss, aud: iss }) }
    assert.match((await own.post('/token', form)).text, /\(untrusted\)/)
    await own.close()
    await own.app.close()
  })
})

describe('a client that only introspects', () => {
  it('gets no token, and is told of tokens for its audiences and of no others', async () => {
    const refused = await service.post('/token', CC, basic('asks'))
    assert.equal(refused.body['error'], 'unauthorized_client')
    const token = await get('first')
    assert.equal(await isActive(token, 'asks'), true)
    assert.equal(await isActive(token, 'foreign'), false)
    assert.equal(await isActive(await get('foreign'), 'asks'), false)
    assert.equal(await isActive(await get('foreign'), 'foreign'), true)
  })
})
