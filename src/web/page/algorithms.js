/** What WebCrypto must be told to verify each algorithm; a key is used under its own algorithm or not at all. */

/**
 * @typedef {{ readonly name: string, readonly hash?: string, readonly namedCurve?: string }} KeyParameters
 * @typedef {{ readonly name: string, readonly hash?: string, readonly saltLength?: number }} Signature
 * @typedef {{ readonly key: KeyParameters, readonly signature: Signature, readonly members: readonly string[] }}
 *   Algorithm
 */

/** @type {readonly (readonly [number, string])[]} */
const SIZES = [[256, 'P-256'], [384, 'P-384'], [512, 'P-521']]

/** @type {ReadonlyMap<string, Algorithm>} */
export const ALGORITHMS = new Map([
  ...SIZES.flatMap(([bits, namedCurve]) => {
    const hash = `SHA-${bits}`
    /** @param {string} name @param {object} more @returns {Algorithm} */
    const rsa = (name, more) => ({ key: { name, hash }, signature: { name, ...more }, members: ['n', 'e'] })
    /** @type {Algorithm} */
    const ecdsa = {
      key: { name: 'ECDSA', namedCurve }, signature: { name: 'ECDSA', hash }, members: ['crv', 'x', 'y'],
    }
    return [
      row(`RS${bits}`, rsa('RSASSA-PKCS1-v1_5', {})), row(`PS${bits}`, rsa('RSA-PSS', { saltLength: bits / 8 })),
      row(`ES${bits}`, ecdsa),
    ]
  }),
  ...['Ed25519', 'EdDSA'].map((alg) =>
    row(alg, { key: { name: 'Ed25519' }, signature: { name: 'Ed25519' }, members: ['crv', 'x'] })),
  ...['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'].map((alg) =>
    row(alg, { key: { name: alg }, signature: { name: alg }, members: ['alg', 'pub'] })),
])

/**
 * @param {string} alg
 * @param {Algorithm} algorithm
 * @returns {[string, Algorithm]}
 */
function row(alg, algorithm) {
  return [alg, algorithm]
}

/**
 * Whether a signature holds; `unsupported` where this browser lacks the algorithm.
 * @param {Readonly<Record<string, unknown>> & { readonly alg: string, readonly kty: string }} jwk
 * @param {Uint8Array<ArrayBuffer>} signed
 * @param {Uint8Array<ArrayBuffer>} signature
 * @returns {Promise<boolean | 'unsupported'>}
 */
export async function holds(jwk, signed, signature) {
  const algorithm = ALGORITHMS.get(jwk.alg)
  if (algorithm === undefined) return 'unsupported'
  const members = Object.fromEntries(['kty', ...algorithm.members].map((name) => [name, jwk[name]]))
  try {
    const key = await crypto.subtle.importKey('jwk', members, algorithm.key, false, ['verify'])
    return await crypto.subtle.verify(algorithm.signature, key, signature, signed)
  } catch {
    return 'unsupported'
  }
}
