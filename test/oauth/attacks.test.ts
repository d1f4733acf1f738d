import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { FORGERIES, type Forgery, type Kit, truly } from '../support/forgeries.ts'
import { ACCESS_TOKEN, type Answer, ASSERTION, basic, BEARER, client, EXCHANGE, newParty, type Party, type Service, startService } from '../support/oauth.ts'

const workload = newParty()
const signer = newParty('signer')
const ISSUER = 'https://ci.example'
const trusts = [{ issuer: ISSUER, subjects: ['repo:*'] }]

let service: Service
before(async () => {
  service = await startService([
    client('service', { grant_types: ['client_credentials', EXCHANGE], trusts }),
    client('signer', { token_endpoint_auth_method: 'private_key_jwt', client_secret_hashes: undefined, jwks: { keys: [signer.jwk] } }),
    client('job', { token_endpoint_auth_method: 'none', client_secret_hashes: undefined, grant_types: [BEARER], trusts }),
  ], [{ issuer: ISSUER, jwks: { keys: [workload.jwk] } }])
})
after(() => service.close())

/** A place where somebody else's token comes in. */
interface Gate {
  readonly name: string
  /** Everything of a right token for this place. */
  readonly kit: () => Promise<Kit>
  readonly send: (token: string) => Promise<Answer>
  readonly isAccepted: (answer: Answer) => boolean
  /** What is wrong here although it is right elsewhere. */
  readonly own: readonly Forgery[]
}

const kitOf = (party: Party, typ: string | undefined, claims: object) => async (): Promise<Kit> => {
  const now = service.now()
  return {
    header: { alg: 'ES256', kid: party.jwk['kid'], ...(typ === undefined ? {} : { typ }) },
    claims: { iat: Math.floor(now), exp: Math.floor(now) + 60, jti: randomUUID(), ...claims },
    sign: party.sign,
    jwk: party.jwk,
    now,
  }
}

/** A token of ours, signed again by the key that signs now. */
async function ourKit(): Promise<Kit> {
  const active = service.app.keyring.lastSeen().signer()
  assert.ok(active !== undefined)
  const now = service.now()
  return {
    header: { alg: active.alg, kid: active.kid, typ: 'at+jwt' },
    claims: { iss: service.issuer, sub: 'service', client_id: 'service', aud: 'api', scope: 'read', iat: Math.floor(now), exp: Math.floor(now) + 60, jti: randomUUID() },
    sign: active.sign,
    jwk: active.jwk,
    now,
  }
}

const header = (name: string, rule: string, change: object): Forgery => ({ name, rule, make: (kit) => truly(kit, change) })
const claim = (name: string, rule: string, change: () => object): Forgery => ({ name, rule, make: (kit) => truly(kit, {}, change()) })
const isToken = ({ status, body }: Answer): boolean => status === 200 && typeof body['access_token'] === 'string'
const exchange = (token: string): Promise<Answer> =>
  service.post('/token', { grant_type: EXCHANGE, subject_token: token, subject_token_type: ACCESS_TOKEN }, basic('service'))
/** Near misses of the one audience that is right. */
const audiences = (right: () => string): readonly Forgery[] => [
  claim('no audience', 'B14', () => ({ aud: undefined })),
  claim('an empty audience', 'B14', () => ({ aud: '' })),
  claim('an empty list of audiences', 'B14', () => ({ aud: [] })),
  claim('an audience that begins like ours', 'B14', () => ({ aud: `${right()}.evil.example` })),
  claim('an audience that is the start of ours', 'B14', () => ({ aud: right().slice(0, -1) })),
  claim('an audience with a slash', 'B14', () => ({ aud: `${right()}/` })),
  claim('an audience in capitals', 'B14', () => ({ aud: right().toUpperCase() })),
  claim('an audience that is an object', 'B14', () => ({ aud: { [right()]: true } })),
  claim('a list with something else than texts', 'B14', () => ({ aud: [right(), 1] })),
]

const GATES: readonly Gate[] = [
  {
    name: 'a client assertion',
    kit: () => kitOf(signer, 'client-authentication+jwt', { iss: 'signer', sub: 'signer', aud: service.issuer })(),
    send: (token) => service.post('/token', { grant_type: 'client_credentials', client_assertion_type: ASSERTION, client_assertion: token }),
    isAccepted: isToken,
    own: [
      ...audiences(() => service.issuer),
      claim('a list of two audiences', 'B14', () => ({ aud: [service.issuer, 'https://other.example'] })),
      claim('the token endpoint as audience', 'B14', () => ({ aud: `${service.issuer}/token` })),
      claim('another subject', 'C8', () => ({ sub: 'service' })),
      claim('another issuer', 'C8', () => ({ iss: 'service' })),
      claim('no subject', 'C8', () => ({ sub: undefined })),
      claim('no jti', 'B16', () => ({ jti: undefined })),
      claim('an empty jti', 'B16', () => ({ jti: '' })),
      claim('a jti that is no text', 'B16', () => ({ jti: 1 })),
      claim('a jti of 300 characters', 'B16', () => ({ jti: 'j'.repeat(300) })),
      header('the typ of an access token', 'A14', { typ: 'at+jwt' }),
      header('the typ of a DPoP proof', 'A14', { typ: 'dpop+jwt' }),
      header('no kid of the client', 'B18', { kid: 'key-1' }),
    ],
  },
  {
    name: 'an assertion as a grant',
    kit: () => kitOf(workload, 'JWT', { iss: ISSUER, sub: 'repo:a', aud: service.issuer })(),
    send: (token) => service.post('/token', { grant_type: BEARER, client_id: 'job', assertion: token }),
    isAccepted: isToken,
    own: [
      ...audiences(() => service.issuer),
      claim('a subject that is not allowed', 'C11', () => ({ sub: 'admin' })),
      claim('a subject that is no text', 'C11', () => ({ sub: ['repo:a'] })),
      header('the typ of a client assertion', 'A14', { typ: 'client-authentication+jwt' }),
      header('the typ of a DPoP proof', 'A14', { typ: 'dpop+jwt' }),
    ],
  },
  {
    name: 'a subject token of a trusted issuer',
    kit: () => kitOf(workload, undefined, { iss: ISSUER, sub: 'repo:a', aud: [service.issuer, 'https://other.example'] })(),
    send: exchange,
    isAccepted: isToken,
    own: [...audiences(() => service.issuer), claim('a subject that is not allowed', 'C11', () => ({ sub: 'x-repo:a' }))],
  },
  {
    name: 'a subject token of ours',
    kit: ourKit,
    send: exchange,
    isAccepted: isToken,
    own: [
      header('no kid', 'B18', { kid: undefined }),
      header('the typ of a checkpoint', 'A14', { typ: 'jwksd-checkpoint' }),
      claim('an audience that we may not have', 'C11', () => ({ aud: 'other' })),
      claim('no audience', 'C11', () => ({ aud: undefined })),
      claim('no subject', 'C11', () => ({ sub: undefined })),
      claim('no jti', 'B16', () => ({ jti: undefined })),
    ],
  },
  {
    name: 'an introspected token',
    kit: ourKit,
    send: (token) => service.post('/introspect', { token }, basic('service')),
    isAccepted: ({ body }) => body['active'] === true,
    own: [header('no typ', 'A14', { typ: undefined }), header('the typ of a DPoP proof', 'A14', { typ: 'dpop+jwt' })],
  },
]

/** Failed authentications of one client before it is throttled. */
const PATIENCE = 9
let attempts = 0

for (const gate of GATES) {
  describe(`${gate.name}`, () => {
    it('is accepted when it is right, so that a refusal means something', async () => {
      const answer = await gate.send(await truly(await gate.kit()))
      assert.ok(gate.isAccepted(answer), answer.text)
    })
    for (const { name, rule, make } of [...FORGERIES, ...gate.own]) {
      it(`${rule} is refused with ${name}`, async () => {
        attempts += 1
        if (attempts % PATIENCE === 0) await service.pass(61)
        const answer = await gate.send(await make(await gate.kit()))
        assert.ok(!gate.isAccepted(answer), answer.text)
        assert.notEqual(answer.status, 429)
        assert.ok(answer.status < 500, answer.text)
      })
    }
    it('is accepted after all that', async () => {
      await service.pass(61)
      const answer = await gate.send(await truly(await gate.kit()))
      assert.ok(gate.isAccepted(answer), answer.text)
    })
  })
}
