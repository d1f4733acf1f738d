import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { seconds } from '../../src/core/time.ts'
import { parseRegistry } from '../../src/oauth/registry.ts'
import { BEARER, client, EXCHANGE, HASH, newParty } from '../support/oauth.ts'

const asked: string[] = []
const RULES = {
  algs: ['RS256', 'ES256'] as const,
  maxTtl: seconds(3600),
  remote: (url: string) => {
    asked.push(url)
    return async () => undefined
  },
}
const parse = (clients: unknown, issuers: unknown = []): ReturnType<typeof parseRegistry> => parseRegistry(JSON.stringify({ clients, issuers }), RULES)
const { jwk } = newParty()
const keyed = (others: object): object => client('k', { token_endpoint_auth_method: 'private_key_jwt', client_secret_hashes: undefined, ...others })
const rsa = (bits: number): object => generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'jwk' })

describe('parseRegistry()', () => {
  it('reads clients and issuers, with what is not said filled in', async () => {
    const read = await parse([client('a'), keyed({ jwks_uri: 'https://a.example/jwks', signing_alg: 'ES256', ttl: '5m' })], [{ issuer: 'https://i.example', jwks: { keys: [jwk] } }])
    assert.ok(read.ok, JSON.stringify(read))
    const [one, two] = [...read.value.clients.values()]
    assert.deepEqual([one?.grants, one?.auth.method, one?.dpop, one?.ttl], [['client_credentials'], 'client_secret_basic', undefined, undefined])
    assert.deepEqual([two?.alg, two?.ttl, asked], ['ES256', 300, ['https://a.example/jwks']])
    assert.deepEqual([...read.value.issuers.keys()], ['https://i.example'])
  })

  it('B11 B19 takes keys of the right kind, on their curve and strong enough, and no others', async () => {
    for (const good of [jwk, { ...jwk, use: undefined, alg: undefined, kid: undefined }, { ...jwk, key_ops: ['verify'] }, rsa(2048)]) {
      assert.ok((await parse([keyed({ jwks: { keys: [good] } })])).ok, JSON.stringify(good))
    }
    const bad = [
      { ...jwk, use: 'enc' }, { ...jwk, key_ops: ['sign'] }, { ...jwk, alg: 'HS256' }, { ...jwk, alg: 'RS256' }, { ...jwk, y: jwk['x'] },
      { ...jwk, d: 'AA' }, { kty: 'oct', k: 'AAAA' }, rsa(1024), { ...rsa(2048), e: 'AQ' }, { ...rsa(2048), e: 'Aw' }, { ...jwk, kid: 1 },
      { ...jwk, x: `${jwk['x']}=` }, { ...jwk, x: 'AA' }, {}, 1,
    ]
    for (const one of bad) {
      const read = await parse([keyed({ jwks: { keys: [one] } })])
      assert.deepEqual(read, { ok: false, error: 'clients[0].jwks must hold a public key that can be used' }, JSON.stringify(one))
    }
  })

  const FAULTS: readonly (readonly [string, unknown, unknown, RegExp])[] = [
    ['no clients', undefined, [], /^clients must be a list$/],
    ['a client that is a text', ['x'], [], /^clients\[0\] must be an object$/],
    ['a member that means nothing', [client('a', { scopes: 'x' })], [], /^clients\[0\] has an unknown member "scopes"$/],
    ['no client_id', [client('a', { client_id: undefined })], [], /client_id must be a text/],
    ['a client_id with a space', [client('a b')], [], /client_id must be a text/],
    ['the same client twice', [client('a'), client('a')], [], /^client_id must be different/],
    ['no audience', [client('a', { audiences: [] })], [], /audiences must name at least one/],
    ['a malformed scope', [client('a', { scope: 'a  b' })], [], /scope must be/],
    ['no secret', [client('a', { client_secret_hashes: [] })], [], /client_secret_hashes must be one or two/],
    ['three secrets', [client('a', { client_secret_hashes: [HASH, HASH, HASH] })], [], /client_secret_hashes must be one or two/],
    ['a secret in place of its hash', [client('a', { client_secret_hashes: ['secret'] })], [], /client_secret_hashes must be one or two/],
    ['a secret and keys', [client('a', { jwks: { keys: [jwk] } })], [], /must have either keys/],
    ['keys and a secret', [keyed({ jwks: { keys: [jwk] }, client_secret_hashes: [HASH] })], [], /must have either keys/],
    ['neither', [keyed({})], [], /must have jwks or jwks_uri/],
    ['both kinds of keys', [keyed({ jwks: { keys: [jwk] }, jwks_uri: 'https://a.example' })], [], /must have jwks or jwks_uri/],
    ['keys over plain http', [keyed({ jwks_uri: 'http://a.example/jwks' })], [], /jwks_uri must be an https URL/],
    ['keys in a file', [keyed({ jwks_uri: 'file:///etc/passwd' })], [], /jwks_uri must be an https URL/],
    ['a user in the URL of keys', [keyed({ jwks_uri: 'https://a:b@a.example' })], [], /jwks_uri must be an https URL/],
    ['an unknown method', [client('a', { token_endpoint_auth_method: 'tls_client_auth' })], [], /token_endpoint_auth_method must be/],
    ['client_secret_jwt', [client('a', { token_endpoint_auth_method: 'client_secret_jwt' })], [], /token_endpoint_auth_method must be/],
    ['an unknown grant', [client('a', { grant_types: ['password'] })], [], /grant_types must be some of/],
    ['client_credentials without authentication', [client('a', { token_endpoint_auth_method: 'none', client_secret_hashes: undefined })], [], /jwt-bearer alone/],
    ['an exchange without authentication', [client('a', { token_endpoint_auth_method: 'none', client_secret_hashes: undefined, grant_types: [BEARER, EXCHANGE] })], [], /jwt-bearer alone/],
    ['a reserved claim', [client('a', { claims: { sub: 'x' } })], [], /claims\.sub is decided by the server/],
    ['claims that are a list', [client('a', { claims: [] })], [], /claims must be an object/],
    ['a lifetime beyond the longest', [client('a', { ttl: '2h' })], [], /ttl must be a duration from 1s to 3600s/],
    ['a lifetime of nothing', [client('a', { ttl: '0s' })], [], /ttl must be a duration/],
    ['an algorithm that is not configured', [client('a', { signing_alg: 'PS256' })], [], /signing_alg must be one of RS256, ES256/],
    ['dpop that is a text', [client('a', { dpop_bound_access_tokens: 'yes' })], [], /dpop_bound_access_tokens must be/],
    ['trust in an issuer that is not there', [client('a', { trusts: [{ issuer: 'https://i.example', subjects: ['x'] }] })], [], /issuers must name https:\/\/i\.example/],
    ['trust in everybody', [client('a', { trusts: [{ issuer: 'https://i.example', subjects: ['*'] }] })], [], /subjects must be texts/],
    ['trust in nobody', [client('a', { trusts: [{ issuer: 'https://i.example', subjects: [] }] })], [], /subjects must be texts/],
    ['an issuer without keys', [], [{ issuer: 'https://i.example' }], /issuers\[0\] must have jwks or jwks_uri/],
    ['the same issuer twice', [], [1, 2].map(() => ({ issuer: 'https://i.example', jwks: { keys: [jwk] } })), /^issuer must be different/],
  ]
  for (const [what, clients, issuers, message] of FAULTS) {
    it(`refuses ${what}`, async () => {
      const read = await parse(clients, issuers)
      assert.ok(!read.ok)
      assert.match(read.error, message)
    })
  }

  it('refuses what is no JSON, and a member that appears twice', async () => {
    assert.deepEqual(await parseRegistry('{', RULES), { ok: false, error: 'the file is malformed JSON at character 1' })
    assert.deepEqual(await parseRegistry('{"clients":[],"clients":[]}', RULES), { ok: false, error: 'clients appears twice' })
  })
})
