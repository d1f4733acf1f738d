import assert from 'node:assert/strict'
import { webcrypto } from 'node:crypto'
import { describe, it } from 'node:test'
import { type Alg, algorithm } from '../../src/jose/algorithm.ts'
import { publicJwk, thumbprint } from '../../src/jose/jwk.ts'
import { isAvailable, signCompact, verifies } from '../../src/jose/signer.ts'
import { ML_DSA_ZERO_SEED, THUMBPRINTS, VECTORS } from '../vectors/jws.ts'

const { subtle } = webcrypto
const encode = (text: string): string => Buffer.from(text).toString('base64url')

describe('the vectors of the RFCs', () => {
  for (const { source, alg, key, header, payload, signature, isDeterministic } of VECTORS) {
    const row = algorithm(alg as Alg)
    const signed = Buffer.from(`${encode(header)}.${encode(payload)}`)

    it(`${source} verifies as ${alg}, and not with one bit changed`, async () => {
      const jwk = publicJwk(row, key)
      const bytes = Buffer.from(signature, 'base64url')
      assert.ok(await verifies(jwk, signed, bytes))
      const altered = Buffer.from(bytes)
      altered[7] = (altered[7] ?? 0) ^ 1
      assert.ok(!await verifies(jwk, signed, altered))
      assert.ok(!await verifies(jwk, Buffer.concat([signed, Buffer.from('x')]), bytes))
    })

    const outcome = isDeterministic ? 'is reproduced byte for byte' : 'is matched by a signature of our own'
    it(`${source} ${outcome}`, async () => {
      const privateKey = await subtle.importKey('jwk', key, row.key, false, ['sign'])
      const jws = await signCompact(header, payload, async (data) =>
        new Uint8Array(await subtle.sign(row.signature, privateKey, data)))
      if (isDeterministic) return assert.equal(jws, `${signed.toString()}.${signature}`)
      return assert.ok(await verifies(publicJwk(row, key), signed, Buffer.from(jws.split('.')[2] ?? '', 'base64url')))
    })
  }

  for (const { source, alg, key, kid } of THUMBPRINTS) {
    it(`A7 ${source} has the published thumbprint`, () => assert.equal(thumbprint(algorithm(alg as Alg), key), kid))
  }

  for (const [alg, kid] of ML_DSA_ZERO_SEED) {
    it(`A15 RFC 9964's ${alg} key has the published thumbprint, where the runtime has ML-DSA`, async () => {
      const row = algorithm(alg as Alg)
      if (!await isAvailable(row.alg)) return
      // The raw-seed format is younger than the types that we compile with.
      const importRaw = subtle.importKey.bind(subtle) as unknown as
        (format: string, seed: Uint8Array, name: string, ...rest: unknown[]) => Promise<webcrypto.CryptoKey>
      const key = await importRaw('raw-seed', new Uint8Array(32), alg, true, ['sign'])
      const exported = { ...await subtle.exportKey('jwk', key) }
      const jwk = publicJwk(row, exported)
      assert.equal(jwk.kid, kid)
      assert.deepEqual(Object.keys(jwk), ['kty', 'pub', 'kid', 'use', 'alg'])
      assert.equal(jwk.kty, 'AKP')
    })
  }
})
