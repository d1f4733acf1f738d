import assert from 'node:assert/strict'
import { createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { seconds } from '../../src/core/time.ts'
import { openJwkSet } from '../../src/jose/foreign-key.ts'
import { audiencesOf, judgeClaims, parseCompact, verifyJws } from '../../src/jose/verify.ts'
import type { Verifier } from '../../src/jose/jwk.ts'
import { CATALOGUE } from '../../src/testkit/catalogue.ts'
import { type RunningApp, startApp } from '../support/app.ts'
import { newFolder } from '../support/folder.ts'

interface Answer {
  readonly token: string
  readonly case: string
  readonly what: string
  readonly rule: string
  readonly expected: string
}

/** The members of one part of a token as a lenient reader finds them; none if it is no JSON object. */
function membersOf(part: string): Record<string, unknown> {
  try {
    const bytes = Buffer.from(part, 'base64url')
    const parsed = bytes.toString('base64url') === part ? JSON.parse(bytes.toString()) as unknown : undefined
    return typeof parsed === 'object' && parsed !== null ? parsed as Record<string, unknown> : {}
  } catch {
    return {}
  }
}

for (const alg of ['RS256', 'ES256', 'Ed25519']) {
  describe(`the catalogue under ${alg}`, () => {
    let app: RunningApp
    let keys: readonly Verifier[] = []
    let jwks: readonly (JsonWebKey & { kid: string })[] = []
    before(async () => {
      app = await startApp('--alg', `${alg},${alg === 'ES256' ? 'RS256' : 'ES256'}`)
      const set = await (await fetch(`${app.url}/jwks.json`)).json() as { keys: typeof jwks }
      jwks = set.keys
      keys = await openJwkSet(JSON.parse(JSON.stringify(set))) ?? []
    })
    after(() => app.close())

    const ask = (name: string): Promise<Response> => fetch(`${app.url}/auth?case=${name}`, { method: 'POST' })

    /** What a right verifier does, with the one that checks client assertions. */
    const verdict = async (token: string): Promise<string> => {
      const jws = parseCompact(token)
      if (!jws.ok) return jws.error
      if (!['', 'jwt'].includes(jws.value.typ)) return 'typ'
      const claims = await verifyJws(jws.value, keys)
      if (!claims.ok) return claims.error
      const rules = { issuer: app.url, now: app.now(), skew: seconds(30), longest: seconds(86_400) }
      const wrong = judgeClaims(claims.value, rules)
      return wrong ?? (audiencesOf(claims.value['aud']).includes('api') ? 'accept' : 'aud')
    }

    for (const { name, expected, what, rule } of CATALOGUE.values()) {
      it(`has ${name}: a right verifier must ${expected}`, async () => {
        const response = await ask(name)
        if (response.status === 409) return assert.match(name, /^ecdsa-|^base64-stray$|^key-confused$|^good-other-key$/)
        assert.equal(response.status, 200)
        const answer = await response.json() as Answer
        assert.deepEqual([answer.case, answer.what, answer.rule, answer.expected], [name, what, rule, expected])
        const judged = await verdict(answer.token)
        assert.equal(judged === 'accept' ? 'accept' : 'refuse', expected, judged)
      })
    }

    it('answers the kid, expiry and lifetime of the token that it made, and records these', async () => {
      for (const name of CATALOGUE.keys()) {
        const answer = await ask(name)
        if (answer.status === 409) continue
        const { token, kid, expiry, expires_in: lifetime } = await answer.json() as Record<string, unknown>
        const [header, claims] = String(token).split('.').map(membersOf)
        // A part that a strict reader refuses states nothing.
        const isOdd = /^duplicate-|^nested-deep$/.test(name)
        const [stated, exp] = isOdd ? [kid ?? null, expiry ?? null] : [header?.['kid'], claims?.['exp']]
        assert.equal(kid, typeof stated === 'string' ? stated : null, name)
        assert.equal(expiry, typeof exp === 'number' ? exp : null, name)
        assert.equal(lifetime, typeof exp === 'number' ? Math.max(0, Math.floor(exp - app.now())) : null, name)
        const { case: recorded, ...event } = app.events.at(-1) as Record<string, unknown>
        assert.deepEqual([recorded, event['kid'] ?? null, event['exp'] ?? null], [name, kid, expiry])
      }
      const expired = await (await ask('expired')).json() as Record<string, unknown>
      assert.equal(expired['expires_in'], 0)
      assert.ok(Number(expired['expiry']) < app.now())
      const unknown = await (await ask('key-unknown')).json() as Record<string, unknown>
      assert.ok(!jwks.some(({ kid }) => kid === unknown['kid']))
    })

    it('signs each case that has nothing to do with the key with the right key', async () => {
      const names = [
        'good-plain', 'good-unicode', 'expired', 'exp-text', 'issuer-slash', 'audience-list', 'crit-unknown',
        'alg-none-signed', 'duplicate-sub', 'alg-sibling',
      ]
      for (const name of names) {
        const { token } = await (await ask(name)).json() as Answer
        const [header = '', payload = '', signature = ''] = token.split('.')
        const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }
        const jwk = jwks.find((one) => one.kid === kid)
        assert.ok(jwk !== undefined, name)
        const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' as const }
        const hash = alg === 'Ed25519' ? null : 'sha256'
        const input = Buffer.from(`${header}.${payload}`)
        assert.ok(verify(hash, input, key, Buffer.from(signature, 'base64url')), name)
      }
    })

    it('serves the unpublished keys where some bad tokens point, and nowhere else', async () => {
      const { token } = await (await ask('jku-followed')).json() as Answer
      const header = Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()
      const { jku, kid } = JSON.parse(header) as { jku: string; kid: string }
      const unpublished = await openJwkSet(JSON.parse(await (await fetch(jku)).text()))
      const jws = parseCompact(token)
      assert.ok(jws.ok && unpublished !== undefined && (await verifyJws(jws.value, unpublished)).ok)
      assert.ok(!jwks.some((one) => one.kid === kid))
    })
  })
}

describe('GET /auth/cases', () => {
  it('lists at least forty bad and eight good cases, by different names, each with its rule', async () => {
    const app = await startApp('--alg', 'ES256')
    const response = await fetch(`${app.url}/auth/cases`)
    const { cases } = await response.json() as { cases: readonly Readonly<Record<string, string>>[] }
    assert.ok(cases.filter(({ expected }) => expected === 'refuse').length >= 40)
    assert.ok(cases.filter(({ expected }) => expected === 'accept').length >= 8)
    assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length)
    const rule = /^(?:RFC \d{4} ?[\d.]*|CVE-\d{4}-\d+)(?:, RFC \d{4} [\d.]+)?$/
    for (const one of cases) assert.match(String(one['rule']), rule)
    await app.close()
  })

  it('names the cases with names like an unknown one, and accepts no other parameter', async () => {
    const app = await startApp('--alg', 'ES256')
    const post = async (query: string): Promise<readonly [number, string]> => {
      const response = await fetch(`${app.url}/auth?${query}`, { method: 'POST' })
      return [response.status, String((await response.json() as Record<string, unknown>)['detail'])]
    }
    const near = 'expired, exp-list, exp-far, exp-text, exp-null'
    assert.deepEqual(await post('case=expird'), [400, `case must be one of /auth/cases; near are ${near}`])
    assert.deepEqual(await post('case=expired&expired=true'), [400, 'case cannot be asked for together with expired'])
    assert.equal((await post('case='))[0], 400)
    await app.close()
  })

  it('is not there where /auth is not', async () => {
    const app = await startApp('--alg', 'ES256', '--host', '0.0.0.0', '--issuer', 'https://a.example')
    for (const path of ['/auth', '/auth/cases', '/auth/stranger-jwks.json']) {
      assert.equal((await fetch(`http://127.0.0.1:${app.port}${path}`)).status, 404)
    }
    await app.close()
  })
})

describe('the catalogue under a key that outlives the process', () => {
  it('E17 has no token that a careless verifier would take for longer than --max-ttl', async () => {
    const store = ['--store', `file:${join(newFolder(), 'ring.json')}`, '--unsealed', '--max-ttl', '1h', '--ttl', '5m']
    const app = await startApp('--alg', 'ES256', ...store)
    const refused: string[] = []
    for (const name of CATALOGUE.keys()) {
      const response = await fetch(`${app.url}/auth?case=${name}`, { method: 'POST' })
      if (response.status === 409) refused.push(name)
      if (response.status === 409) continue
      const { token } = await response.json() as Answer
      const [header = '', claims = ''] = token.split('.')
      const isOurs = membersOf(header)['kid'] === app.app.keyring.lastSeen().signers.get(undefined)?.kid
      const exp = membersOf(claims)['exp']
      const isShort = typeof exp === 'number' && exp <= app.now() + 3600
      // Whoever forges a token needs no key of ours for it.
      assert.ok(isShort || !isOurs || /^alg-|^unpublished|^key-|^jwk-|^nested-deep$/.test(name), name)
    }
    for (const name of ['exp-far', 'exp-missing', 'exp-null', 'exp-text', 'exp-list', 'claims-text']) {
      assert.ok(refused.includes(name), name)
    }
    assert.ok(refused.length < 12, refused.join())
    await app.close()
    await app.app.close()
  })
})
