import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { decodeToken } from '../support/app.ts'
import {
  ACCESS_TOKEN, type Answer, basic, BEARER, client, EXCHANGE, newParty, type Service, startService,
} from '../support/oauth.ts'

const CC = { grant_type: 'client_credentials' }
const CI = 'https://ci.example'
const workload = newParty('w')
const trusts = [{ issuer: CI, subjects: ['s*'] }]
const GRANTS = ['client_credentials', EXCHANGE, BEARER]
const LONGEST = 14_336

/** Numbers from 0 up to a bound, the same in each run. */
function chance(seed: number): (bound: number) => number {
  let state = seed
  return (bound) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % bound
  }
}

function nested(depth: number): unknown {
  return depth === 0 ? 'x' : depth % 2 === 0 ? [nested(depth - 1)] : { y: nested(depth - 1) }
}

/** Claims of every size and depth that a file of clients may give. */
const CLAIMS: readonly object[] = [
  {}, ...[1, 10, 25, 28].map((depth) => ({ deep: nested(depth) })),
  ...[100, 5000, 8000, 10_000, 10_300, 11_000, 16_000].map((length) => ({ long: 'x'.repeat(length) })),
  { odd: [0, -1, 1.5, 1e-9, Number.MAX_SAFE_INTEGER, null, true, '"\\\u0000\u2028😀', '', {}, []], __proto__2: 1 },
  { many: Array.from({ length: 900 }, (_none, at) => `group-${at}`) },
]
const NAME = (at: number): string => `${at}-${'n'.repeat(250)}`
const names = [...CLAIMS.map((_claims, at) => at % 2 === 0 ? NAME(at) : `c${at}`), ...[0, 1, 2, 3].map((at) => `t${at}`)]

async function open(alg: string): Promise<Service> {
  const audiences = ['api', ...Array.from({ length: 60 }, (_none, at) => `https://${at}.example/${'a'.repeat(220)}`)]
  const clients = names.map((name, at) => client(name, {
    grant_types: GRANTS, trusts, claims: CLAIMS[at] ?? {}, audiences: at % 3 === 0 ? audiences : ['api'],
  }))
  return await startService(clients, [{ issuer: CI, jwks: { keys: [workload.jwk] } }], ['--alg', alg])
}

/** Whatever left is read by our own reader, and revoked; a token that could not be does not leave. */
async function check(service: Service, answer: Answer, owner: string): Promise<string | undefined> {
  const token = answer.body['access_token']
  if (typeof token !== 'string') {
    // What a client sends may be too large as well: a token of another issuer is not ours.
    assert.match(answer.text, /A body has at most|would be longer than 14336|\(act\)|\(sub\)/)
    return undefined
  }
  assert.ok(token.length <= LONGEST)
  const { body } = await service.post('/introspect', { token }, basic(owner))
  assert.equal(body['active'], true, JSON.stringify(decodeToken(token).claims).slice(0, 200))
  return token
}

async function endsWhenRevoked(service: Service, token: string, owner: string): Promise<void> {
  assert.equal((await service.post('/revoke', { token }, basic(owner))).status, 200)
  assert.equal((await service.post('/introspect', { token }, basic(owner))).text, '{"active":false}\n')
}

for (const alg of ['ES256', 'RS256', 'EdDSA']) {
  describe(`whatever we sign with ${alg}`, () => {
    it('E13 our own reader accepts, introspects and revokes, at every size and depth', async () => {
      const service = await open(alg)
      const next = chance(7)
      const pick = (): string => names[next(names.length)] ?? ''
      const exchange = (from: string, by: string): Promise<Answer> => {
        const form = { grant_type: EXCHANGE, subject_token: from, subject_token_type: ACCESS_TOKEN }
        return service.post('/token', form, basic(by))
      }
      const begin = (by: string): Promise<Answer> => {
        if (next(2) === 0) return service.post('/token', CC, basic(by))
        const iat = Math.floor(service.now())
        const sub = `s${['"', 'x', 'ż', '\\'][next(4)]?.repeat(next(511))}`
        const depth = next(10)
        const act = Array.from({ length: depth }).reduce((inner: object | undefined) =>
          ({ sub: '"'.repeat(1 + next(90)), ...(inner === undefined ? {} : { act: inner }) }), undefined)
        const claims = { iss: CI, sub, aud: service.issuer, iat, exp: iat + 300, jti: randomUUID() }
        const assertion = workload.token({}, { ...claims, ...(act === undefined ? {} : { act }) })
        return service.post('/token', { grant_type: BEARER, assertion }, basic(by))
      }
      let left = 0
      for (let round = 0; round < 40; round += 1) {
        const line: (readonly [string, string])[] = []
        let owner = round < names.length ? names[round] ?? '' : pick()
        let answer = await begin(owner)
        for (let depth = 0; depth < 10; depth += 1) {
          const token = await check(service, answer, owner)
          if (token === undefined) break
          line.push([token, owner])
          owner = pick()
          answer = await exchange(token, owner)
        }
        left += line.length
        const [token, of] = line[next(line.length)] ?? []
        if (token !== undefined && of !== undefined) await endsWhenRevoked(service, token, of)
        // What was made of the revoked token ended with it.
        for (const [later, by] of line.slice(line.findIndex(([one]) => one === token))) {
          assert.equal((await service.post('/introspect', { token: later }, basic(by))).text, '{"active":false}\n')
        }
      }
      assert.ok(left > 60, `${left} tokens left`)
      await service.close()
      await service.app.close()
    })
  })
}

describe('a line of exchanges', () => {
  it('E13 ends after eight, whose last can still be revoked by way of the first', async () => {
    const service = await startService(['a', 'b'].map((id) => client(id, { grant_types: GRANTS })))
    const first = String((await service.post('/token', CC, basic('a'))).body['access_token'])
    const exchange = (from: string): Promise<Answer> => {
      const form = { grant_type: EXCHANGE, subject_token: from, subject_token_type: ACCESS_TOKEN }
      return service.post('/token', form, basic('b'))
    }
    let last = first
    for (let times = 0; times < 8; times += 1) last = await check(service, await exchange(last), 'b') ?? 'refused'
    assert.match((await exchange(last)).text, /The subject token is refused \(act\)/)
    await service.post('/revoke', { token: first }, basic('a'))
    assert.equal((await service.post('/introspect', { token: last }, basic('b'))).text, '{"active":false}\n')
    await service.close()
    await service.app.close()
  })
})
