import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import { parseAlg } from '../../src/jose/algorithm.ts'
import { unpublishedSigner } from '../../src/jose/unstored.ts'
import { selfSigned } from '../../src/testkit/certificate.ts'

describe('selfSigned()', () => {
  for (const name of ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']) {
    it(`makes a certificate that OpenSSL reads and whose signature it verifies, with a key of ${name}`, async () => {
      const alg = parseAlg(name)
      assert.ok(alg !== undefined)
      const der = await selfSigned(await unpublishedSigner(alg, 2048), 'somebody')
      assert.ok(der !== undefined)
      const certificate = new X509Certificate(der)
      assert.equal(certificate.subject, 'CN=somebody')
      assert.equal(certificate.issuer, 'CN=somebody')
      assert.ok(certificate.verify(certificate.publicKey))
      assert.ok(Date.parse(certificate.validFrom) < Date.now() && Date.now() < Date.parse(certificate.validTo))
    })
  }

  it('makes none for an algorithm that it has no name for', async () => {
    const alg = parseAlg('PS256')
    assert.ok(alg !== undefined)
    assert.equal(await selfSigned(await unpublishedSigner(alg, 2048), 'somebody'), undefined)
  })
})
