import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { parseJson } from '../../src/core/json.ts'
import { fail, ok, type Result } from '../../src/core/result.ts'
import { instant, seconds } from '../../src/core/time.ts'
import type { Alg } from '../../src/jose/algorithm.ts'
import type { Kid } from '../../src/jose/jwk.ts'
import { type FreshKey, generateKey } from '../../src/jose/signer.ts'
import { ephemeralKek } from '../../src/jose/kek.ts'
import { decodeRing, encodeRing } from '../../src/keyring/codec.ts'
import { KeyringFault } from '../../src/keyring/fault.ts'
import type { Ring } from '../../src/keyring/ring.ts'
import { randomBytes } from '../support/keyring.ts'
import { seeded } from '../support/random.ts'

let ring: Ring
let document: string
before(async () => {
  const kek = await ephemeralKek(randomBytes)
  const make = (alg: Alg = 'ES256'): Promise<FreshKey> => generateKey(alg, { rsaBits: 2048, kek, randomBytes })
  const [active, standby, unstamped, retired] = [await make(), await make(), await make('RS256'), await make()]
  ring = {
    generation: 7,
    marks: { maxTtl: seconds(3600), maxAge: seconds(300) },
    keys: [
      { state: 'active', ...active, publishedAt: instant(10.25), activeAt: instant(20), separate: true, imported: undefined },
      { state: 'standby', ...standby, publishedAt: instant(30), separate: undefined, imported: undefined },
      { state: 'standby', ...unstamped, publishedAt: undefined, separate: undefined, imported: undefined },
      {
        state: 'retired',
        jwk: { ...retired.jwk, kid: '2024-key' as Kid },
        publishedAt: instant(1),
        activeAt: instant(2),
        retiredAt: undefined,
        separate: undefined,
        imported: true,
      },
    ],
    history: [
      {
        jwk: (await make()).jwk,
        imported: undefined,
        publishedAt: instant(1),
        activeAt: instant(2),
        retiredAt: instant(3),
        removedAt: instant(4),
        why: 'revoked',
        reason: 'lost',
      },
      {
        jwk: (await make()).jwk,
        imported: undefined,
        publishedAt: undefined,
        activeAt: undefined,
        retiredAt: undefined,
        removedAt: instant(4),
        why: 'dropped',
        reason: undefined,
      },
    ],
    heads: [{ chain: 'c', place: 'host:/audit.log', seq: 9, hash: 'h', at: instant(5) }],
    restored: { at: instant(6), signsAt: instant(7), reason: 'disk' },
  }
  document = encodeRing(ring)
})

/** The ring in a text, or the fault that was found; any other error is thrown. */
function decode(text: string): Result<Ring, KeyringFault> {
  const parsed = parseJson(text)
  try {
    return ok(decodeRing(parsed.ok ? parsed.value : undefined))
  } catch (error) {
    if (error instanceof KeyringFault) return fail(error)
    throw error
  }
}

/** The fault that is found in the document with one value changed. */
function faultAfter(change: (root: any) => void): KeyringFault {
  const root = JSON.parse(document)
  change(root)
  const decoded = decode(JSON.stringify(root))
  assert.ok(!decoded.ok, 'the document was read')
  return decoded.error
}

describe('decodeRing()', () => {
  it('reads what encodeRing() wrote', () => {
    const decoded = decode(document)
    assert.ok(decoded.ok)
    assert.deepEqual(decoded.value, ring)
    assert.equal(encodeRing(decoded.value), document)
  })

  it('refuses the document cut at any byte', () => {
    for (let length = 0; length < document.length; length += 1) {
      assert.equal(decode(document.slice(0, length)).ok, false, `${length}`)
    }
  })

  const changes: readonly (readonly [string, (root: any) => void, string])[] = [
    ['no generation', (root) => delete root.generation, 'generation'],
    ['half a generation', (root) => root.generation = 0.5, 'generation'],
    ['no history', (root) => delete root.history, 'history'],
    ['a past key that is no object', (root) => root.history[0] = 'x', 'history'],
    ['an unknown end', (root) => root.history[0].why = 'tired', 'why'],
    ['a reason that is no text', (root) => root.history[0].reason = 1, 'reason'],
    ['a past key with a private half', (root) => root.history[0].sealed = root.keys[0].sealed, 'sealed'],
    ['a past key that was never removed', (root) => delete root.history[0].removedAt, 'removedAt'],
    ['a key that is past and present', (root) => root.history[0].jwk = root.keys[0].jwk, 'keys'],
    ['no marks', (root) => delete root.marks, 'marks'],
    ['a mark below zero', (root) => root.marks.maxTtl = -1, 'maxTtl'],
    ['a mark that is no number', (root) => root.marks.maxAge = '300', 'maxAge'],
    ['no keys', (root) => delete root.keys, 'keys'],
    ['an empty list of keys', (root) => root.keys = [], 'keys'],
    ['a key that is no object', (root) => root.keys[0] = 1, 'keys'],
    ['an unknown state', (root) => root.keys[0].state = 'sleeping', 'state'],
    ['a key twice', (root) => root.keys.push(root.keys[3]), 'keys'],
    ['two active keys of one line', (root) => root.keys[1] = { ...root.keys[0], jwk: root.keys[1].jwk }, 'keys'],
    ['no moment of activation', (root) => delete root.keys[0].activeAt, 'activeAt'],
    ['a moment that is a text', (root) => root.keys[1].publishedAt = 'now', 'publishedAt'],
    ['a standby without its sealed half', (root) => delete root.keys[1].sealed, 'sealed'],
    ['a sealed half without its nonce', (root) => delete root.keys[1].sealed.iv, 'sealed'],
    ['a sealed half in odd base64url', (root) => root.keys[1].sealed.ciphertext += '=', 'sealed'],
    ['a sealed half by nobody', (root) => delete root.keys[1].sealed.kek, 'sealed'],
    ['a kid that is not the thumbprint', (root) => root.keys[0].jwk.kid = root.keys[1].jwk.kid, 'kid'],
    ['A9 a private member beside the public ones', (root) => root.keys[0].jwk.d = 'AAAA', 'd'],
    ['a private half beside a retired key', (root) => root.keys[3].sealed = root.keys[0].sealed, 'sealed'],
    ['a member that nobody reads', (root) => root.keys[0].note = 'x', 'note'],
    ['a member of the ring that nobody reads', (root) => root.note = 'x', 'note'],
    ['a mark that nobody reads', (root) => root.marks.maxLead = 1, 'maxLead'],
    ['a head that is no list', (root) => root.heads = 1, 'heads'],
    ['a head without a number', (root) => delete root.heads[0].seq, 'seq'],
    ['a restore without a time', (root) => delete root.restored.signsAt, 'signsAt'],
    ['no published half', (root) => delete root.keys[0].jwk, 'jwk'],
  ]
  for (const [what, change, member] of changes) {
    it(`refuses ${what} and names ${member}`, () => {
      const { code, message } = faultAfter(change)
      assert.deepEqual([code, message], ['damaged', `Cannot read ${member}`])
    })
  }

  it('finds a damaged member or reads a ring, whatever is done to the text', () => {
    const random = seeded(11)
    let refused = 0
    for (let trial = 0; trial < 5000; trial += 1) {
      const at = random.int(0, document.length - 1)
      const stray = random.pick(['"', '{', '}', ',', '0', 'null', '\\', '\u0000', 'ff', ''])
      if (!decode(document.slice(0, at) + stray + document.slice(at + random.int(0, 3))).ok) refused += 1
    }
    assert.ok(refused > 3000)
  })
})
