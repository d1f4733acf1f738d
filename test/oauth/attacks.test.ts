import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { Signer } from '../../src/jose/signer.ts'
import { type Kit, tokenOf } from '../../src/testkit/kit.ts'
import { AUDIENCES, claim, FORGERIES, type Forgery, header } from '../support/forgeries.ts'
import {
  ACCESS_TOKEN, type Answer, ASSERTION, basic, BEARER, client, EXCHANGE, newParty, type Service, startService,
} from '../support/oauth.ts'

const workload = newParty()
const signer = newParty('signer')
/** Published beside each of the two. */
const other = newParty('other')
const unpublished = newParty('unpublished')
const ISSUER = 'https://ci.example'
const trusts = [{ issuer: ISSUER, subjects: ['repo:*'] }]

const withoutSecret = (method: string): object =>
  ({ token_endpoint_auth_method: method, client_secret_hashes: undefined })

let service: Service
before(async () => {
  service = await startService([
    client('service', { grant_types: ['client_credentials', EXCHANGE], trusts }),
    client('signer', { ...withoutSecret('private_key_jwt'), jwks: { keys: [signer.jwk, other.jwk] } }),
    client('job', { ...withoutSecret('none'), grant_types: [BEARER], trusts }),
  ], [{ issuer: ISSUER, jwks: { keys: [workload.jwk, other.jwk] } }])
})
after(() => service.close())

/** A parameter that takes a token of another party. */
interface Gate {
  readonly name: string
  /** Everything of a right token for this place. */
  readonly kit: () => Kit
  readonly send: (token: string) => Promise<Answer>
  readonly isAccepted: (answer: Answer) => boolean
  /** What is wrong here although it is right elsewhere. */
  readonly own: readonly Forgery[]
}

/** The parts of a right token by this key. */
function kitOf(right: Signer, typ: string | undefined, claims: Pick<Kit['claims'], 'iss' | 'sub' | 'aud'>): Kit {
  const now = service.now()
  const [iat, jti] = [Math.floor(now), randomUUID()]
  return {
    signer: right,
    unpublished: unpublished.signer,
    published: [right, other.signer],
    header: { alg: 'ES256', kid: right.kid, ...(typ === undefined ? {} : { typ }) },
    claims: { iat, exp: iat + 60, jti, ...claims },
    now,
    attackerJwksUrl: 'http://127.0.0.1:9/keys',
  }
}

/** A token of ours, signed again by the key that signs now. */
function ourKit(): Kit {
  const active = service.app.keyring.lastSeen().signers.get(undefined)
  assert.ok(active !== undefined)
  const ours = { iss: service.issuer, sub: 'service', client_id: 'service', aud: 'api', scope: 'read' }
  return kitOf(active, 'at+jwt', ours)
}

const isToken = ({ status, body }: Answer): boolean => status === 200 && typeof body['access_token'] === 'string'
const exchange = (token: string): Promise<Answer> => {
  const form = { grant_type: EXCHANGE, subject_token: token, subject_token_type: ACCESS_TOKEN }
  return service.post('/token', form, basic('service'))
}
const GATES: readonly Gate[] = [
  {
    name: 'a client assertion',
    kit: () => kitOf(signer.signer, 'client-authentication+jwt', { iss: 'signer', sub: 'signer', aud: service.issuer }),
    send: (token) => service.post('/token', {
      grant_type: 'client_credentials', client_assertion_type: ASSERTION, client_assertion: token,
    }),
    isAccepted: isToken,
    own: [
      ...AUDIENCES,
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
    kit: () => kitOf(workload.signer, 'JWT', { iss: ISSUER, sub: 'repo:a', aud: service.issuer }),
    send: (token) => service.post('/token', { grant_type: BEARER, client_id: 'job', assertion: token }),
    isAccepted: isToken,
    own: [
      ...AUDIENCES,
      claim('a subject that is not allowed', 'C11', () => ({ sub: 'admin' })),
      claim('a subject that is no text', 'C11', () => ({ sub: ['repo:a'] })),
      header('the typ of a client assertion', 'A14', { typ: 'client-authentication+jwt' }),
      header('the typ of a DPoP proof', 'A14', { typ: 'dpop+jwt' }),
    ],
  },
  {
    name: 'a subject token of a trusted issuer',
    kit: () => kitOf(workload.signer, undefined, {
      iss: ISSUER, sub: 'repo:a', aud: [service.issuer, 'https://other.example'],
    }),
    send: exchange,
    isAccepted: isToken,
    own: [...AUDIENCES, claim('a subject that is not allowed', 'C11', () => ({ sub: 'x-repo:a' }))],
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
    own: [
      header('no typ', 'A14', { typ: undefined }),
      header('the typ of a DPoP proof', 'A14', { typ: 'dpop+jwt' }),
    ],
  },
]

/** Failed authentications of one client before it is throttled. */
const PATIENCE = 9
let attempts = 0

for (const gate of GATES) {
  describe(`${gate.name}`, () => {
    it('is accepted when it is right, so that a refusal means something', async () => {
      const answer = await gate.send(await tokenOf(gate.kit()))
      assert.ok(gate.isAccepted(answer), answer.text)
    })
    for (const { name, rule, make } of [...FORGERIES, ...gate.own]) {
      it(`${rule} is refused with ${name}`, async () => {
        attempts += 1
        if (attempts % PATIENCE === 0) await service.pass(61)
        const token = await make(gate.kit())
        assert.ok(token !== undefined)
        const answer = await gate.send(token)
        assert.ok(!gate.isAccepted(answer), answer.text)
        assert.notEqual(answer.status, 429)
        assert.ok(answer.status < 500, answer.text)
      })
    }
    it('is accepted after all that', async () => {
      await service.pass(61)
      const answer = await gate.send(await tokenOf(gate.kit()))
      assert.ok(gate.isAccepted(answer), answer.text)
    })
  })
}
