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
const parse = (clients: unknown, issuers: unknown = []): ReturnType<typeof parseRegistry> =>
  parseRegistry(JSON.stringify({ clients, issuers }), RULES)
const ISSUER = 'https://i.example'
const { jwk } = newParty()
const jwks = { keys: [jwk] }
const KEYED = { token_endpoint_auth_method: 'private_key_jwt', client_secret_hashes: undefined }
const OPEN = { token_endpoint_auth_method: 'none', client_secret_hashes: undefined }
const keyed = (others: object): object => client('k', { ...KEYED, ...others })
const rsa = (modulusLength: number): object =>
  generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' })

describe('parseRegistry()', () => {
  it('reads clients and issuers, with defaults for absent members', async () => {
    const other = keyed({ jwks_uri: 'https://a.example/jwks', signing_alg: 'ES256', ttl: '5m' })
    const read = await parse([client('a'), other], [{ issuer: ISSUER, jwks }])
    assert.ok(read.ok, JSON.stringify(read))
    const [one, two] = [...read.value.clients.values()]
    assert.deepEqual([one?.grants, one?.auth.method], [['client_credentials'], 'client_secret_basic'])
    assert.deepEqual([one?.dpop, one?.ttl], [undefined, undefined])
    assert.deepEqual([two?.alg, two?.ttl, asked], ['ES256', 300, ['https://a.example/jwks']])
    assert.deepEqual([...read.value.issuers.keys()], [ISSUER])
  })

  it('E23 refuses a private half among public keys, whatever we could do with it', async () => {
    const publicRsa = rsa(2048)
    const sets: readonly (readonly [object, string])[] = [
      [{ keys: [jwk, { ...jwk, d: 'AA' }] }, 'd'], [{ keys: [jwk, { kty: 'oct', k: 'AAAA' }] }, 'k'],
      [{ keys: [jwk, { ...publicRsa, p: 'AA', q: 'AA' }] }, 'p'], [{ keys: [jwk, { kty: 'AKP', priv: 'AA' }] }, 'priv'],
      [{ keys: [jwk], d: 'AA' }, 'd'], [{ keys: [jwk, { kty: 'unheard', d: null }] }, 'd'],
    ]
    for (const [jwks, name] of sets) {
      const error = `clients[0].jwks must hold public keys alone: it has the private "${name}"`
      assert.deepEqual(await parse([keyed({ jwks })]), { ok: false, error })
    }
  })

  it('B11 B19 takes keys of the right kind, on their curve and strong enough, and no others', async () => {
    const bare = { ...jwk, use: undefined, alg: undefined, kid: undefined }
    for (const good of [jwk, bare, { ...jwk, key_ops: ['verify'] }, rsa(2048)]) {
      assert.ok((await parse([keyed({ jwks: { keys: [good] } })])).ok, JSON.stringify(good))
    }
    const bad = [
      { ...jwk, use: 'enc' }, { ...jwk, key_ops: ['sign'] }, { ...jwk, alg: 'HS256' }, { ...jwk, alg: 'RS256' },
      { ...jwk, y: jwk['x'] }, rsa(1024), { ...rsa(2048), e: 'AQ' },
      { ...rsa(2048), e: 'Aw' }, { ...jwk, kid: 1 }, { ...jwk, x: `${jwk['x']}=` }, { ...jwk, x: 'AA' }, {}, 1,
    ]
    const error = 'clients[0].jwks must hold a public key that can be used'
    for (const one of bad) {
      const read = await parse([keyed({ jwks: { keys: [one] } })])
      assert.deepEqual(read, { ok: false, error }, JSON.stringify(one))
    }
  })

  /** What is wrong with one client: members that replace those of a right one. */
  const CLIENT_FAULTS: readonly (readonly [what: string, members: object, message: RegExp])[] = [
    ['a member that means nothing', { scopes: 'x' }, /^clients\[0\] has an unknown member "scopes"$/],
    ['no client_id', { client_id: undefined }, /client_id must be a text/],
    ['a client_id with a space', { client_id: 'a b' }, /client_id must be a text/],
    ['no audience', { audiences: [] }, /audiences must name at least one/],
    ['no audience, and no grant', { grant_types: [], audiences: [] }, /learns only of tokens for its audiences$/],
    ['no grant, and no authentication', { ...OPEN, grant_types: [] }, /jwt-bearer alone/],
    ['no list of grants', { grant_types: 'client_credentials' }, /grant_types must be some of/],
    ['a claim that the server makes of what was exchanged', { claims: { txn: 'x' } }, /txn is decided by the server/],
    ['an audience that is a number', { audiences: ['x', 1] }, /^clients\[0\]\.audiences\[1\] must be a text/],
    ['a malformed scope', { scope: 'a  b' }, /scope must be/],
    ['no secret', { client_secret_hashes: [] }, /client_secret_hashes must be one or two/],
    ['three secrets', { client_secret_hashes: [HASH, HASH, HASH] }, /client_secret_hashes must be one or two/],
    ['a secret in place of its hash', { client_secret_hashes: ['secret'] }, /client_secret_hashes must be one or two/],
    ['a secret and keys', { jwks }, /must have either keys/],
    ['a secret and an address of keys', { jwks_uri: 'https://a.example' }, /must have either keys/],
    ['keys and a secret', { ...KEYED, jwks, client_secret_hashes: [HASH] }, /must have either keys/],
    ['keys without authentication', { ...OPEN, grant_types: [BEARER], jwks }, /must have either keys/],
    ['a secret without authentication', { token_endpoint_auth_method: 'none' }, /must have no client_secret_hashes/],
    ['neither', KEYED, /must have jwks or jwks_uri/],
    ['both kinds of keys', { ...KEYED, jwks, jwks_uri: 'https://a.example' }, /must have jwks or jwks_uri/],
    ['keys over plain http', { ...KEYED, jwks_uri: 'http://a.example/jwks' }, /jwks_uri must be an https URL/],
    ['keys in a file', { ...KEYED, jwks_uri: 'file:///etc/passwd' }, /jwks_uri must be an https URL/],
    ['a user in the URL of keys', { ...KEYED, jwks_uri: 'https://a:b@a.example' }, /jwks_uri must be an https URL/],
    ['an unknown method', { token_endpoint_auth_method: 'tls_client_auth' }, /token_endpoint_auth_method must be/],
    ['client_secret_jwt', { token_endpoint_auth_method: 'client_secret_jwt' }, /token_endpoint_auth_method must be/],
    ['an unknown grant', { grant_types: ['password'] }, /grant_types must be some of/],
    ['a grant twice', { grant_types: [BEARER, BEARER] }, /grant_types must be some of/],
    ['client_credentials without authentication', OPEN, /jwt-bearer alone/],
    ['an exchange without authentication', { ...OPEN, grant_types: [BEARER, EXCHANGE] }, /jwt-bearer alone/],
    ['a reserved claim', { claims: { sub: 'x' } }, /claims\.sub is decided by the server/],
    ['claims that are a list', { claims: [] }, /claims must be an object/],
    ['a lifetime beyond the longest', { ttl: '2h' }, /ttl must be a duration from 1s to 3600s/],
    ['a lifetime of nothing', { ttl: '0s' }, /ttl must be a duration/],
    ['an algorithm that is not configured', { signing_alg: 'PS256' }, /signing_alg must be one of RS256, ES256/],
    ['dpop that is a text', { dpop_bound_access_tokens: 'yes' }, /dpop_bound_access_tokens must be/],
    ['trust in an unknown issuer', { trusts: [{ issuer: ISSUER, subjects: ['x'] }] }, /issuers must name https:/],
    ['trust in everybody', { trusts: [{ issuer: ISSUER, subjects: ['*'] }] }, /trusts\[0\]\.subjects must be texts/],
    ['trust in nobody', { trusts: [{ issuer: ISSUER, subjects: [] }] }, /subjects must be texts/],
  ]
  const FAULTS: readonly (readonly [what: string, clients: unknown, issuers: unknown, message: RegExp])[] = [
    ...CLIENT_FAULTS.map(([what, members, message]) => [what, [client('a', members)], [], message] as const),
    ['no clients', undefined, [], /^clients must be a list$/],
    ['a client that is a text', ['x'], [], /^clients\[0\] must be an object$/],
    ['the same client twice', [client('a'), client('a')], [], /^client_id must be different/],
    ['an issuer without keys', [], [{ issuer: ISSUER }], /issuers\[0\] must have jwks or jwks_uri/],
    ['an issuer whose reuse is a text', [], [{ issuer: ISSUER, jwks, reuse: 'yes' }], /reuse must be true or false/],
    ['the same issuer twice', [], [1, 2].map(() => ({ issuer: ISSUER, jwks })), /^issuer must be different/],
  ]
  for (const [what, clients, issuers, message] of FAULTS) {
    it(`refuses ${what}`, async () => {
      const read = await parse(clients, issuers)
      assert.ok(!read.ok)
      assert.match(read.error, message)
    })
  }

  it('E26 refuses the issuer of this server, however it is spelled', async () => {
    for (const issuer of [ISSUER, `${ISSUER}/`, 'https://I.Example', 'HTTPS://i.example//']) {
      const text = JSON.stringify({ clients: [], issuers: [{ issuer, jwks }] })
      const read = await parseRegistry(text, { ...RULES, issuer: ISSUER })
      assert.ok(!read.ok, issuer)
      assert.match(read.error, /^issuers\[0\]\.issuer is this server/)
      assert.ok((await parseRegistry(text, { ...RULES, issuer: `${ISSUER}.example` })).ok)
    }
  })

  it('refuses what is no JSON, and a member that appears twice', async () => {
    const malformed = await parseRegistry('{', RULES)
    assert.deepEqual(malformed, { ok: false, error: 'the file is malformed JSON at character 1' })
    const twice = await parseRegistry('{"clients":[],"clients":[]}', RULES)
    assert.deepEqual(twice, { ok: false, error: 'clients appears twice' })
  })
})
