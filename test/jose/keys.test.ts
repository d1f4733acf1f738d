import assert from 'node:assert/strict'
import { constants, createPublicKey, randomBytes as nodeRandom, verify } from 'node:crypto'
import { before, describe, it } from 'node:test'
import type { JsonObject } from '../../src/core/json.ts'
import { instant, seconds } from '../../src/core/time.ts'
import { type Alg, algorithm, ALGORITHMS, parseAlg } from '../../src/jose/algorithm.ts'
import { type Kid, parsePublicJwk, type PublicJwk, publicJwk } from '../../src/jose/jwk.ts'
import { issue, type TokenOrder } from '../../src/jose/issue.ts'
import { type FreshKey, generateKey, isAvailable, openSigner, type Signer, verifies } from '../../src/jose/signer.ts'
import { unpublishedSigner } from '../../src/jose/unstored.ts'
import { ephemeralKek, type KeyEncryptionKey } from '../../src/jose/kek.ts'
import { unwrapKey } from '../../src/jose/wrap.ts'

const randomBytes = (length: number): Uint8Array => new Uint8Array(nodeRandom(length))
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const hasMlDsa = major > 24 || (major === 24 && minor >= 7)

interface Line {
  readonly fresh: FreshKey
  readonly signer: Signer
}

let kek: KeyEncryptionKey
const lines = new Map<Alg, Line>()
before(async () => {
  kek = await ephemeralKek(randomBytes)
  for (const { alg } of ALGORITHMS.values()) {
    if (!await isAvailable(alg)) continue
    const fresh = await generateKey(alg, { rsaBits: 2048, kek, randomBytes })
    const signer = await openSigner(fresh.jwk, fresh.sealed, [kek])
    assert.ok(signer !== undefined)
    lines.set(alg, { fresh, signer })
  }
})

function line(alg: Alg): Line {
  const found = lines.get(alg)
  assert.ok(found !== undefined, alg)
  return found
}

/** Verifies with Node's own classic API, which shares no parameter of ours. */
function oracle(jwk: PublicJwk, data: Uint8Array, signature: Uint8Array): boolean {
  const { alg } = jwk
  const hash = alg.startsWith('ML') || alg.startsWith('Ed') ? undefined : `sha${alg.slice(2)}`
  const { kid: _kid, use: _use, ...members } = jwk
  const key = createPublicKey({ key: { ...members }, format: 'jwk' })
  if (alg.startsWith('PS')) {
    const saltLength = Number(alg.slice(2)) / 8
    return verify(hash, data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }, signature)
  }
  return verify(hash, data, { key, dsaEncoding: 'ieee-p1363' }, signature)
}

describe('the table of algorithms', () => {
  it('A1 has no row for none, HMAC or names that objects inherit', () => {
    const hmac = ['HS256', 'HS384', 'HS512']
    const inherited = ['__proto__', 'constructor', 'toString']
    const unknown = ['none', 'None', 'NONE', 'nOnE', '', 'rs256', 'RS256 ', 'ES256K', ...hmac, ...inherited]
    for (const name of unknown) assert.equal(parseAlg(name), undefined, name)
  })

  it('has ML-DSA exactly on the releases of Node that have it', async () => {
    for (const alg of ['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'] as const) {
      assert.equal(await isAvailable(alg), hasMlDsa, alg)
    }
  })

  for (const { alg } of ALGORITHMS.values()) {
    const skip = !hasMlDsa && alg.startsWith('ML')
    it(`signs ${alg} so that an independent implementation verifies, and publishes what it is`, { skip }, async () => {
      const { fresh: { jwk }, signer } = line(alg)
      const data = Buffer.from('some data')
      const signature = await signer.sign(data)
      // Node's classic API learned JWKs of ML-DSA later than WebCrypto did.
      if (!alg.startsWith('ML')) assert.ok(oracle(jwk, data, signature))
      assert.ok(await verifies(jwk, data, signature))
      assert.ok(!await verifies(jwk, Buffer.from('other data'), signature))
      assert.deepEqual([jwk.alg, jwk.use, signer.alg, signer.kid], [alg, 'sig', alg, jwk.kid])
      assert.deepEqual(Object.keys(jwk), ['kty', ...algorithm(alg).members, 'kid', 'use', 'alg'])
    })
  }

  it('A3 salts PSS with as many bytes as the hash has, and refuses another length', async () => {
    const { fresh: { jwk }, signer } = line('PS256')
    const data = Buffer.from('data')
    const signature = await signer.sign(data)
    const { kid: _kid, use: _use, ...members } = jwk
    const key = createPublicKey({ key: { ...members }, format: 'jwk' })
    const padding = constants.RSA_PKCS1_PSS_PADDING
    assert.ok(verify('sha256', data, { key, padding, saltLength: 32 }, signature))
    assert.ok(!verify('sha256', data, { key, padding, saltLength: 20 }, signature))
  })

  it('A4 writes ECDSA signatures of full width, never DER', async () => {
    for (const [alg, width] of [['ES256', 64], ['ES384', 96], ['ES512', 132]] as const) {
      const { signer } = line(alg)
      // One in 128 would be short if leading zeros were dropped.
      for (let at = 0; at < 300; at += 1) assert.equal((await signer.sign(Buffer.from(String(at)))).length, width)
    }
  })

  it('A5 pads coordinates to the width of the curve, and never the modulus', async () => {
    for (let at = 0; at < 150; at += 1) {
      const { jwk } = await generateKey('ES512', { rsaBits: 2048, kek, randomBytes })
      assert.deepEqual([jwk['x']?.length, jwk['y']?.length], [88, 88])
    }
    const n = Buffer.from(line('RS256').fresh.jwk['n'] ?? '', 'base64url')
    assert.equal(n.length, 256)
    assert.ok((n[0] ?? 0) >= 0x80)
    assert.equal(line('RS256').fresh.jwk['e'], 'AQAB')
  })

  it('A2 makes RSA keys of the size that was asked for', async () => {
    const { jwk } = await generateKey('RS256', { rsaBits: 3072, kek, randomBytes })
    assert.equal(Buffer.from(jwk['n'] ?? '', 'base64url').length, 384)
  })
})

describe('publicJwk()', () => {
  it('A9 takes members of the allowlist alone, whatever an export holds', () => {
    const { jwk } = line('RS256').fresh
    const secrets = { d: 'x', p: 'x', q: 'x', dp: 'x', dq: 'x', qi: 'x', oth: 'x', k: 'x', priv: 'x' }
    const exported = { ...secrets, ext: true, key_ops: ['sign'], ...jwk }
    assert.deepEqual(publicJwk(algorithm('RS256'), exported), jwk)
  })

  it('throws when a member is missing', () => {
    assert.throws(() => publicJwk(algorithm('RS256'), { kty: 'RSA', e: 'AQAB' }), TypeError)
  })
})

describe('parsePublicJwk()', () => {
  it('reads what publicJwk() wrote, for every algorithm', () => {
    for (const { fresh: { jwk } } of lines.values()) {
      const parsed = parsePublicJwk(jwk as unknown as JsonObject)
      assert.ok(parsed.ok)
      assert.deepEqual(parsed.value, jwk)
    }
  })

  const leadingZero = Buffer.concat([Buffer.alloc(1), Buffer.alloc(256, 0xff)])
  const faults: readonly (readonly [string, Alg, Readonly<Record<string, string | undefined>>, string])[] = [
    ['an unknown algorithm', 'RS256', { alg: 'HS256' }, 'alg'],
    ['an algorithm of another type of key', 'RS256', { alg: 'ES256' }, 'crv'],
    ['A2 a modulus of 1024 bits', 'RS256', { n: Buffer.alloc(128, 0xff).toString('base64url') }, 'n'],
    ['A2 a modulus of 2047 bits', 'RS256', { n: Buffer.alloc(256, 0x7f).toString('base64url') }, 'n'],
    ['A5 a modulus with a leading zero', 'RS256', { n: leadingZero.toString('base64url') }, 'n'],
    ['a modulus of 16,384 bits', 'RS256', { n: Buffer.alloc(2048, 0xff).toString('base64url') }, 'n'],
    ['B19 an exponent of 3', 'RS256', { e: 'Aw' }, 'e'],
    ['A6 padding', 'ES256', { x: `${'A'.repeat(43)}=` }, 'x'],
    ['A5 a short coordinate', 'ES256', { x: 'AAAA' }, 'x'],
    ['another curve', 'ES256', { crv: 'P-384' }, 'crv'],
    ['a key that is no text', 'Ed25519', { x: undefined }, 'x'],
    ['A9 a private member', 'Ed25519', { d: 'AAAA' }, 'd'],
    ['A7 a kid that is not the thumbprint', 'Ed25519', { kid: 'mine' }, 'kid'],
    ['A10 another use', 'Ed25519', { use: 'enc' }, 'use'],
    ['another type', 'Ed25519', { kty: 'EC' }, 'kty'],
  ]
  for (const [what, alg, change, member] of faults) {
    it(`refuses ${what} and names ${member}`, () => {
      const altered = { ...line(alg).fresh.jwk, ...change } as unknown as JsonObject
      assert.deepEqual(parsePublicJwk(altered), { ok: false, error: member })
    })
  }

  it('refuses what is no object', () => {
    for (const raw of [undefined, null, [], 'x', 1]) assert.deepEqual(parsePublicJwk(raw), { ok: false, error: 'jwk' })
  })
})

describe('a sealed key', () => {
  it('comes back as one that cannot be exported', async () => {
    const { jwk, sealed } = line('ES256').fresh
    const key = await unwrapKey(sealed, jwk, [kek])
    assert.ok(key !== undefined)
    assert.deepEqual([key.extractable, key.usages], [false, ['sign']])
  })

  it('A9 shows nothing of the private half', () => {
    for (const { fresh: { sealed } } of lines.values()) {
      assert.deepEqual(Object.keys(sealed), ['kek', 'iv', 'ciphertext'])
      const text = Buffer.from(sealed.ciphertext, 'base64url').toString('latin1')
      // Random bytes hold a short name in quotes now and then, with a value behind it never.
      assert.doesNotMatch(text, /"(?:d|p|q|priv|kty)":"/)
    }
  })

  it('is refused with any byte changed, under another kid and by another key', async () => {
    const { jwk, sealed } = line('Ed25519').fresh
    for (const member of ['iv', 'ciphertext'] as const) {
      const bytes = Buffer.from(sealed[member], 'base64url')
      for (let at = 0; at < bytes.length; at += 1) {
        const altered = Buffer.from(bytes)
        altered[at] = (altered[at] ?? 0) ^ 0x10
        const changed = { ...sealed, [member]: altered.toString('base64url') }
        assert.equal(await unwrapKey(changed, jwk, [kek]), undefined, `${member} ${at}`)
      }
    }
    assert.equal(await unwrapKey(sealed, { ...jwk, kid: 'another' as Kid } as PublicJwk, [kek]), undefined)
    assert.equal(await unwrapKey(sealed, jwk, [await ephemeralKek(randomBytes)]), undefined)
    assert.equal(await unwrapKey(sealed, jwk, [{ ...await ephemeralKek(randomBytes), id: kek.id }]), undefined)
  })

  it('B19 is refused when its halves do not belong together', async () => {
    const one = await generateKey('EdDSA', { rsaBits: 2048, kek, randomBytes })
    const other = await generateKey('EdDSA', { rsaBits: 2048, kek, randomBytes })
    const { kid: _kid, ...stolen } = other.jwk
    assert.equal(await openSigner({ ...stolen, kid: one.jwk.kid } as PublicJwk, one.sealed, [kek]), undefined)
    assert.ok(await openSigner(one.jwk, one.sealed, [kek]) !== undefined)
  })

  it('is never sealed twice under one nonce', async () => {
    const nonces = new Set<string>()
    for (let at = 0; at < 200; at += 1) {
      const { sealed } = await generateKey('Ed25519', { rsaBits: 2048, kek, randomBytes })
      nonces.add(sealed.iv)
    }
    assert.equal(nonces.size, 200)
  })
})

describe('issue()', () => {
  type Claims = Record<string, unknown>
  const parties = { sub: 'subject', aud: 'api' }
  /** The parts of a token that was issued now, for a minute. */
  const issued = async (signer: Signer, order: Partial<TokenOrder> = {}): Promise<readonly [string, Claims]> => {
    const now = { issuedAt: instant(1_800_000_000), ttl: seconds(60) }
    const issuer = 'https://issuer.example'
    const deps = { issuer, backdate: seconds(10), mayMint: undefined, randomBytes, emit: () => {} }
    const made = await issue({ ...parties, ...now, signer, typ: 'JWT', claims: {}, ...order }, deps)
    assert.ok(made.ok)
    assert.match(made.value.token, /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/)
    const parts = made.value.token.split('.').map((part) => Buffer.from(part, 'base64url').toString())
    return [parts[0] ?? '', JSON.parse(parts[1] ?? '') as Claims]
  }

  it('A1, A6 names the algorithm and the key of its signature in a canonical header', async () => {
    const signer = await unpublishedSigner('ES256', 2048)
    for (let at = 0; at < 50; at += 1) {
      const [header] = await issued(signer)
      assert.equal(header, JSON.stringify({ alg: 'ES256', kid: signer.kid, typ: 'JWT' }))
    }
  })

  it('A11 carries whole seconds, whatever the clock says', async () => {
    const signer = await unpublishedSigner('ES256', 2048)
    const [, { iat, nbf, exp }] = await issued(signer, { issuedAt: instant(1_800_000_000.987) })
    assert.deepEqual([iat, nbf, exp], [1_800_000_000, 1_799_999_990, 1_800_000_060])
  })

  it('A12 has an id of 128 random bits that never repeats', async () => {
    const ids = new Set<string>()
    const signer = { ...await unpublishedSigner('ES256', 2048), sign: async () => new Uint8Array(64) }
    for (let at = 0; at < 10_000; at += 1) ids.add(String((await issued(signer))[1]['jti']))
    assert.equal(ids.size, 10_000)
    for (const id of ids) assert.equal(Buffer.from(id, 'base64url').length, 16)
  })

  it('lets no other claim stand for one of the issuer', async () => {
    const claims = { iss: 'https://evil.example', exp: 9_999_999_999, role: 'admin' }
    const [, { jti: _jti, ...stated }] = await issued(await unpublishedSigner('Ed25519', 2048), { claims })
    const [iat, nbf, exp] = [1_800_000_000, 1_799_999_990, 1_800_000_060]
    assert.deepEqual(stated, { ...parties, iss: 'https://issuer.example', iat, nbf, exp, role: 'admin' })
  })

  it('takes nothing but what the order names into the claims', async () => {
    const order = { ttl: seconds(5), other: 1, claims: {} }
    const [, claims] = await issued(await unpublishedSigner('Ed25519', 2048), order)
    assert.deepEqual(Object.keys(claims), ['iss', 'sub', 'aud', 'iat', 'nbf', 'exp', 'jti'])
  })
})
