import { createPublicKey } from 'node:crypto'

/**
 * The JWK Set, as text, of the public half of one private JWK.
 * @param {any} jwk
 */
export function keySetOf(jwk) {
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'jwk' })
  return JSON.stringify({ keys: [{ ...publicKey, kid: jwk.kid, use: 'sig', alg: jwk.alg }] })
}
