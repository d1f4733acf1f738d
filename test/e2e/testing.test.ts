import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { startIssuer } from 'jwksd/testing'
import { decodeToken } from '../support/app.ts'
import { type Flaw, startApi } from '../support/verifiers.ts'

const at = Date.now() / 1000

/** The status of an API that trusts the issuer, for a token. */
async function statusOf(issuer: string, token: string, flaws: readonly Flaw[] = []): Promise<number> {
  const api = await startApi(() => issuer, flaws)
  const { status } = await fetch(api.url, { headers: { authorization: `Bearer ${token}` } })
  api.close()
  return status
}

describe('startIssuer()', () => {
  it('makes tokens that an API accepts, and bad ones that it refuses', async () => {
    const issuer = await startIssuer()
    assert.equal(await statusOf(issuer.issuer, await issuer.mint({ sub: 'alice', roles: ['admin'] })), 200)
    for (const name of ['expired', 'audience-wrong', 'alg-none', 'key-forged', 'jku-followed']) {
      assert.equal(await statusOf(issuer.issuer, await issuer.bad(name)), 401, name)
    }
    assert.equal(await statusOf(issuer.issuer, await issuer.bad('expired'), ['ignores exp']), 200)
    await issuer.close()
  })

  it('puts claims and header over the usual ones, and leaves out what is undefined', async () => {
    const issuer = await startIssuer({ alg: 'ES256', audience: ['a', 'b'], typ: 'at+jwt', ttl: 60, issuer: 'https://issuer.example' })
    const { header, claims } = decodeToken(await issuer.mint({ sub: 'alice', nbf: undefined }, { vendor: 1 }))
    const { sub, aud, iss, iat, exp } = claims
    assert.deepEqual([header['typ'], header['vendor']], ['at+jwt', 1])
    assert.deepEqual({ sub, aud, iss }, { sub: 'alice', aud: ['a', 'b'], iss: 'https://issuer.example' })
    assert.deepEqual([Number(exp) - Number(iat), 'nbf' in claims], [60, false])
    await issuer.close()
  })

  it('rotates and revokes', async () => {
    const issuer = await startIssuer()
    const old = await issuer.mint()
    await issuer.rotate()
    const next = await issuer.mint()
    assert.notEqual(decodeToken(old).header['kid'], decodeToken(next).header['kid'])
    assert.deepEqual([await statusOf(issuer.issuer, old), await statusOf(issuer.issuer, next)], [200, 200])
    await issuer.revoke(String(decodeToken(old).header['kid']))
    assert.deepEqual([await statusOf(issuer.issuer, old), await statusOf(issuer.issuer, next)], [401, 200])
    await issuer.revoke()
    assert.equal(await statusOf(issuer.issuer, next), 401)
    assert.equal(await statusOf(issuer.issuer, await issuer.mint()), 200)
    const set = await (await fetch(`${issuer.url}/jwks.json`)).json()
    assert.deepEqual(set, JSON.parse(JSON.stringify(issuer.jwks())))
    assert.doesNotMatch(JSON.stringify(set), /"(?:d|p|q|dp|dq|qi|priv)":/)
    await issuer.close()
  })

  it('has the time in its hands', async () => {
    const issuer = await startIssuer()
    const now = await issuer.mint()
    issuer.clock.advance('7d')
    const ahead = await issuer.mint()
    assert.ok(Math.abs(issuer.clock.now() - at - 7 * 86_400) < 60)
    const issuedAt = (token: string): number => Number(decodeToken(token).claims['iat'])
    assert.ok(Math.abs(issuedAt(ahead) - issuedAt(now) - 7 * 86_400) < 60)
    assert.equal(await statusOf(issuer.issuer, ahead), 401)
    assert.throws(() => issuer.clock.advance('soon'), /Cannot advance by soon/)
    await issuer.close()
  })

  it('takes a key that is handed in, of every kind', async () => {
    for (const [alg, pair] of [
      ['ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
      ['RS256', generateKeyPairSync('rsa', { modulusLength: 2048 })],
      ['Ed25519', generateKeyPairSync('ed25519')],
    ] as const) {
      const key = pair.privateKey.export({ format: 'jwk' })
      const issuer = await startIssuer({ alg, key })
      const { n, x } = issuer.jwks().keys[0] as Readonly<Record<string, string>>
      assert.equal(n ?? x, key.n ?? key.x)
      if (alg !== 'Ed25519') assert.equal(await statusOf(issuer.issuer, await issuer.mint()), 200)
      await issuer.close()
    }
    await assert.rejects(startIssuer({ key: { kty: 'EC' } }))
  })

  it('runs many times in one process, and lets go of its port', async () => {
    const issuers = await Promise.all(Array.from({ length: 5 }, () => startIssuer()))
    assert.equal(new Set(issuers.map(({ url }) => url)).size, 5)
    const [one, other] = issuers
    assert.ok(one !== undefined && other !== undefined)
    assert.equal(await statusOf(one.issuer, await other.mint({ iss: one.issuer })), 401)
    await Promise.all(issuers.map(({ close }) => close()))
    const port = Number(new URL(one.url).port)
    const again = await startIssuer({ port })
    await assert.rejects(startIssuer({ port }), /Cannot listen on 127\.0\.0\.1:\d+: it is in use/)
    await again.close()
  })

  it('names the near ones of a case that there is not, and says what its keys cannot do', async () => {
    const issuer = await startIssuer({ alg: 'Ed25519' })
    await assert.rejects(issuer.bad('expird'), /There is no case expird\. Near are expired/)
    await assert.rejects(issuer.bad('ecdsa-zero'), /Cannot make ecdsa-zero with keys of Ed25519/)
    await issuer.close()
  })

  it('gives its key set every fault, and is right again', async () => {
    const issuer = await startIssuer({ alg: 'ES256' })
    const get = async (): Promise<string> => {
      const answer = await fetch(`${issuer.url}/jwks.json`, { redirect: 'manual' })
      return `${answer.status} ${await answer.text()}`
    }
    const whole = await get()
    for (const [fault, shown] of [
      ['error', /^500 /], ['empty', /^200 {"keys":\[\]}$/m], ['blank', /^200 $/], ['html', /^200 <!doctype/],
      ['cut', /^200 {"keys":\[.*[^}]$/], ['redirect', /^302 $/],
    ] as const) {
      issuer.fault(fault)
      assert.match(await get(), shown, fault)
    }
    issuer.fault('stale')
    await issuer.rotate()
    assert.equal(await get(), whole)
    issuer.fault('slow')
    let isAnswered = false
    const late = get().finally(() => isAnswered = true)
    while (issuer.fetches().at(-1)?.fault !== 'slow') await new Promise((resolve) => setImmediate(resolve))
    assert.equal(isAnswered, false)
    issuer.fault()
    assert.equal(await late, `200 ${JSON.stringify(issuer.jwks())}\n`)
    assert.equal(await get(), await late)
    assert.throws(() => issuer.fault('odd' as 'cut'), /There is no fault odd. Use one of error, empty/)
    await issuer.close()
  })

  it('records who fetched what', async () => {
    const issuer = await startIssuer({ alg: 'ES256' })
    await fetch(`${issuer.url}/jwks.json`, { headers: { 'user-agent': 'a verifier', 'if-none-match': '"x"' } })
    await fetch(`${issuer.url}/.well-known/openid-configuration`)
    const [one, other] = issuer.fetches()
    const { at: moment, ...rest } = one ?? {}
    assert.ok(Math.abs(Number(moment) - issuer.clock.now()) < 60)
    assert.deepEqual(rest, {
      method: 'GET', path: '/jwks.json', userAgent: 'a verifier', ifNoneMatch: '"x"', fault: undefined,
    })
    assert.equal(other?.path, '/.well-known/openid-configuration')
    await issuer.close()
  })

  it('has the default algorithm of the server', async () => {
    const issuer = await startIssuer()
    assert.equal(issuer.jwks().keys[0]?.alg, 'RS256')
    await issuer.close()
  })
})
