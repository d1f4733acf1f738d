import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instant, seconds } from '../../src/core/time.ts'
import { parseForeignJwk } from '../../src/jose/foreign-key.ts'
import { parseCompact } from '../../src/jose/verify.ts'
import { EMPTY_RING, type Key } from '../../src/keyring/ring.ts'
import { readOwnToken } from '../../src/oauth/own-token.ts'
import type { Context } from '../../src/oauth/rules.ts'
import { newParty } from '../support/oauth.ts'

const party = newParty()
const read = parseForeignJwk(party.jwk as Record<string, string>)
assert.ok(read.ok)
const { jwk } = read.value
const now = instant(1_000_000)
const issuer = 'https://a.example'
const token = parseCompact(party.token({ kid: jwk.kid, typ: 'at+jwt' }, { iss: issuer, exp: now + 60, jti: 'j' }))
assert.ok(token.ok)
describe('readOwnToken()', () => {
  const verdictOf = async (state: string, maxTtl: number, longest?: number): Promise<string> => {
    const key = { state, jwk, publishedAt: now, activeAt: now } as unknown as Key
    const ring = { ...EMPTY_RING, keys: [key], marks: { maxTtl: seconds(maxTtl), maxAge: seconds(300) } }
    const context = { request: { now }, deps: { issuer, skew: seconds(0) }, snapshot: { ring } } as unknown as Context
    const claims = await readOwnToken(token.value, context, longest === undefined ? undefined : seconds(longest))
    return claims.ok ? 'right' : claims.error
  }

  for (const state of ['standby', 'active', 'retired']) {
    it(`takes a token under a key that is ${state} here: another replica may have turned it over`, async () => {
      assert.equal(await verdictOf(state, 3600, 3600), 'right')
    })
  }

  it('takes a token that lives longer than this replica knows, unless a bound is asked for', async () => {
    assert.equal(await verdictOf('active', 10), 'right')
    assert.equal(await verdictOf('active', 10, 10), 'exp')
  })
})

describe('parseCompact()', () => {
  it('B17 refuses more than 16 KiB before it takes anything apart', () => {
    const large = parseCompact(`${'a'.repeat(16_384)}.b.c`)
    assert.deepEqual(large, { ok: false, error: 'size' })
  })
})
