import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { CATALOGUE } from '../../src/testkit/catalogue.ts'
import { type Finding, judge } from '../../src/web/page/judge.js'
import type { RingView } from '../../src/web/view.ts'
import { type RunningApp, startApp } from '../support/app.ts'

const ALGS = ['RS256', 'PS384', 'ES256', 'ES512', 'Ed25519']

let server: RunningApp
before(async () => {
  server = await startApp('--alg', ALGS.join(','), '--audience', 'api')
})
after(() => server.close())

async function mint(alg: string, query = '', members: object = {}): Promise<string | undefined> {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ alg, ...members })
  const response = await fetch(`${server.url}/auth${query}`, { method: 'POST', headers, body })
  if (response.status === 409) return undefined
  assert.equal(response.status, 200)
  return (await response.json() as { token: string }).token
}

/** What the page says to a token, as it asks for it. */
async function judged(token: string, later = 0): Promise<readonly Finding[]> {
  const { now, keys } = await (await fetch(`${server.url}/page/state.json`)).json() as RingView
  const known = keys.map(({ jwk }) => ({ ...jwk }))
  const wanted = { issuer: server.url, audience: 'api', now: now + later, longest: 3600, keys: known, removed: [] }
  return (await judge(token, wanted)).findings
}

function faults(findings: readonly Finding[]): readonly string[] {
  return findings.filter(({ good }) => good === false).map(({ words }) => words)
}

describe('the check of the page', () => {
  for (const alg of ALGS) {
    it(`accepts and refuses every case of the catalogue as a verifier must, under ${alg}`, async () => {
      for (const { name, expected } of CATALOGUE.values()) {
        const token = await mint(alg, `?case=${name}`)
        if (token === undefined) continue
        const found = faults(await judged(token))
        assert.equal(found.length > 0 ? 'refuse' : 'accept', expected, `${name}: ${found.join(' ')}`)
      }
    })
  }

  it('says in words why a token is refused', async () => {
    const expected: readonly (readonly [string, RegExp])[] = [
      ['expired', /^exp: expired 1 h ago, at 2027-/],
      ['exp-missing', /^exp is missing: the token would never expire/],
      ['not-yet-valid', /^nbf: valid only in 1 h/],
      ['issuer-slash', /^iss is "http:\/\/127.+\/" but must be "http:\/\/127.+" exactly/],
      ['audience-wrong', /^aud is "https:\/\/other\.example" but must be or hold "api"/],
      ['key-unknown', /^No published key has the kid ".+"; published are .+ \(RS256\)/],
      ['key-forged', /^The signature does not hold/],
      ['alg-none', /^alg is "none" but this key signs with RS256 alone/],
      ['typ-other', /^typ is "logout\+jwt" but must be/],
      ['crit-unknown', /^crit demands an extension/],
      ['base64-padded', /^A part is not canonical base64url/],
      ['jwe-shape', /^The token has five parts/],
      ['duplicate-alg', /^The header is no JSON object with each member once/],
      ['token-large', /^The token is longer than 16384 characters/],
    ]
    for (const [name, words] of expected) {
      const found = faults(await judged(await mint('RS256', `?case=${name}`) ?? ''))
      assert.ok(found.some((fault) => words.test(fault)), `${name}: ${found.join(' ')}`)
    }
  })

  it('judges by the time of the server, second by second', async () => {
    const token = await mint('ES256', '', { ttl: 60 }) ?? ''
    assert.deepEqual(faults(await judged(token, 59)), [])
    assert.match(faults(await judged(token, 60))[0] ?? '', /^exp: expired 0 s ago/)
  })

  it('survives every text that is no token', async () => {
    for (const text of ['', '.', '..', '...', 'a.b.c', '{}', 'eyJ.eyJ.', 'bnVsbA.bnVsbA.AAAA', '\u0000', 'W10.e30.', 'e30.W10.']) {
      assert.ok(faults(await judged(text)).length > 0, JSON.stringify(text))
    }
  })
})
