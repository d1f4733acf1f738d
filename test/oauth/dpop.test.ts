import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { decodeToken } from '../support/app.ts'
import { encodeBase64url as b64 } from '../../src/core/encoding.ts'
import { type Answer, basic, BEARER, client, newParty, type Service, startService } from '../support/oauth.ts'

let service: Service
before(async () => {
  service = await startService([
    client('plain', { grant_types: ['client_credentials', BEARER] }),
    client('bound', { dpop_bound_access_tokens: true }),
  ])
})
after(() => service.close())

const party = newParty()
const { kty, crv, x, y } = party.jwk
const jwk = { kty, crv, x, y }

/** The claims of a right proof. */
const rightClaims = (): object =>
  ({ jti: randomUUID(), htm: 'POST', htu: `${service.issuer}/token`, iat: Math.floor(service.now()) })

/** A right proof, or one that is wrong in what is overridden. */
function proof(header: object = {}, claims: object = {}): string {
  return party.token({ typ: 'dpop+jwt', kid: undefined, jwk, ...header }, { ...rightClaims(), ...claims })
}

/** The signing input of a proof with right claims. */
function inputOf(alg: string, key: object): string {
  return [{ typ: 'dpop+jwt', alg, jwk: key }, rightClaims()].map((part) => b64(JSON.stringify(part))).join('.')
}

/** A proof whose key is the neutral point: with R neutral and S zero, S*B = R + k*A holds for every message. */
function neutral(signBit: number): string {
  const point = Buffer.alloc(32)
  point[0] = 1
  const signature = b64(Buffer.concat([point, Buffer.alloc(32)]))
  const signed = Buffer.concat([point.subarray(0, 31), Buffer.from([signBit])])
  return `${inputOf('EdDSA', { kty: 'OKP', crv: 'Ed25519', x: b64(signed) })}.${signature}`
}

const send = (dpop: string, as = 'plain'): Promise<Answer> =>
  service.post('/token', { grant_type: 'client_credentials' }, { ...basic(as), dpop })

describe('a DPoP proof', () => {
  it('C13 binds the token to its key', async () => {
    const answer = await send(proof(), 'bound')
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.body['token_type'], 'DPoP')
    const thumbprint = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url')
    const token = String(answer.body['access_token'])
    assert.deepEqual(decodeToken(token).claims['cnf'], { jkt: thumbprint })
    const shown = await service.post('/introspect', { token }, basic('plain'))
    assert.deepEqual([shown.body['token_type'], shown.body['cnf']], ['DPoP', { jkt: thumbprint }])
  })

  it('may be of any asymmetric algorithm', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const ed = generateKeyPairSync('ed25519')
    const kinds = [['PS256', rsa], ['RS256', rsa], ['EdDSA', ed], ['Ed25519', ed]] as const
    for (const [alg, { publicKey, privateKey }] of kinds) {
      const input = inputOf(alg, publicKey.export({ format: 'jwk' }))
      const hash = alg.endsWith('256') ? 'sha256' : undefined
      const pss = alg === 'PS256' ? { padding: 6, saltLength: 32 } : {}
      const answer = await send(`${input}.${b64(sign(hash, Buffer.from(input), { key: privateKey, ...pss }))}`)
      assert.equal(answer.status, 200, `${alg}: ${answer.text}`)
    }
  })

  it('may name its URL with a query, and in other letters where those mean the same', async () => {
    const host = service.issuer.toUpperCase().replace('HTTP', 'http')
    assert.equal((await send(proof({}, { htu: `${host}/token?x=1#y` }))).status, 200)
  })

  it('is taken once', async () => {
    const one = proof()
    assert.equal((await send(one)).status, 200)
    const again = await send(one)
    assert.deepEqual([again.status, again.body['error']], [400, 'invalid_dpop_proof'])
    assert.match(again.text, /used before/)
  })

  it('is remembered only for a client that has earned a token, so that no other can fill the memory', async () => {
    const headers = { ...basic('plain'), dpop: proof() }
    const ask = (grant: string): Promise<Answer> =>
      service.post('/token', { grant_type: grant, assertion: 'x' }, headers)
    assert.equal((await ask(BEARER)).body['error'], 'invalid_grant')
    assert.equal((await ask('client_credentials')).status, 200)
  })

  const secret = party.key.export({ format: 'jwk' })
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const other = newParty()
  const WRONG: readonly (readonly [string, () => string])[] = [
    ['no typ', () => proof({ typ: undefined })],
    ['the typ JWT', () => proof({ typ: 'JWT' })],
    ['the typ of an access token', () => proof({ typ: 'at+jwt' })],
    ['no jwk', () => proof({ jwk: undefined })],
    ['a jwk that is no object', () => proof({ jwk: 'x' })],
    ['a private member', () => proof({ jwk: { ...jwk, d: secret.d } })],
    ['a symmetric key', () => proof({ jwk: { kty: 'oct', k: 'AAAA' }, alg: 'HS256' })],
    ['alg none', () => proof({ alg: 'none' })],
    ['an alg that is not the key\'s', () => proof({ alg: 'ES384' })],
    ['a jwk with another alg', () => proof({ jwk: { ...jwk, alg: 'ES384' } })],
    ['the key of another party', () => proof({ jwk: { ...jwk, x: other.jwk['x'], y: other.jwk['y'] } })],
    ['a point that is not on its curve', () => proof({ jwk: { ...jwk, y: x } })],
    ['RSA of 1024 bits', () => {
      const input = inputOf('RS256', weak.publicKey.export({ format: 'jwk' }))
      return `${input}.${b64(sign('sha256', Buffer.from(input), weak.privateKey))}`
    }],
    ['RSA with exponent 1', () => {
      const { n } = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' })
      return proof({ alg: 'RS256', jwk: { kty: 'RSA', n, e: 'AQ' } })
    }],
    ['the neutral point of Ed25519 as key, under which one signature does for all', () => neutral(0)],
    ['the same point with the sign bit', () => neutral(0x80)],
    ['crit', () => proof({ crit: ['htm'] })],
    ['no htm', () => proof({}, { htm: undefined })],
    ['htm GET', () => proof({}, { htm: 'GET' })],
    ['htm in small letters', () => proof({}, { htm: 'post' })],
    ['no htu', () => proof({}, { htu: undefined })],
    ['the htu of another path', () => proof({}, { htu: `${service.issuer}/introspect` })],
    ['the htu of another host', () => proof({}, { htu: 'https://evil.example/token' })],
    ['an htu that is no URL', () => proof({}, { htu: '/token' })],
    ['no iat', () => proof({}, { iat: undefined })],
    ['an iat that is a text', () => proof({}, { iat: String(service.now()) })],
    ['an old iat', () => proof({}, { iat: service.now() - 121 })],
    ['an iat ahead', () => proof({}, { iat: service.now() + 61 })],
    ['no jti', () => proof({}, { jti: undefined })],
    ['an empty jti', () => proof({}, { jti: '' })],
    ['a jti of 300 characters', () => proof({}, { jti: 'j'.repeat(300) })],
    ['a signature that was altered', () => `${proof().slice(0, -4)}AAAA`],
    ['another proof behind it', () => `${proof()}, ${proof()}`],
  ]
  for (const [what, make] of WRONG) {
    it(`C13 is refused with ${what}`, async () => {
      const answer = await send(make())
      assert.deepEqual([answer.status, answer.body['error']], [400, 'invalid_dpop_proof'], answer.text)
    })
  }
})
