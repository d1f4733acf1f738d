/**
 * This room makes and checks keys, signatures and tokens; it alone calls crypto.subtle. Read this file first (one row
 * for each algorithm), then jwk.ts (public keys), signer.ts (private keys), issue.ts and verify.ts (tokens).
 */

/** The JWS algorithms that a key of ours can be bound to; `none` and HMAC have no name here (RFC 8725 section 3.2). */
export type Alg =
  | 'RS256' | 'RS384' | 'RS512'
  | 'PS256' | 'PS384' | 'PS512'
  | 'ES256' | 'ES384' | 'ES512'
  | 'Ed25519' | 'EdDSA'
  | 'ML-DSA-44' | 'ML-DSA-65' | 'ML-DSA-87'

/** Everything that differs from one algorithm to the next. */
export interface Algorithm {
  readonly alg: Alg
  readonly kty: 'RSA' | 'EC' | 'OKP' | 'AKP'
  /** WebCrypto's parameters for generating and importing a key. */
  readonly key: { readonly name: string; readonly hash?: string; readonly namedCurve?: string }
  /** WebCrypto's parameters for signing and verifying. */
  readonly signature: { readonly name: string; readonly hash?: string; readonly saltLength?: number }
  /** The public members of its JWK besides `kty`, in the order in which we publish them; all base64url or `crv`. */
  readonly members: readonly string[]
  /** The members that the thumbprint covers, in lexicographic order (RFC 7638 section 3.2, RFC 9964). */
  readonly thumbprint: readonly string[]
  /** Octets of each base64url member; undefined where the modulus decides. */
  readonly width?: number
  /** The value of `crv`, where there is one. */
  readonly crv?: string
  /** Some supported releases of Node lack it. */
  readonly optional?: true
}

/** RSASSA-PKCS1-v1_5 (RFC 7518 section 3.3) and RSASSA-PSS with a salt as long as the hash (section 3.5). */
function rsa(alg: Alg, name: 'RSASSA-PKCS1-v1_5' | 'RSA-PSS', bits: 256 | 384 | 512): Algorithm {
  return {
    alg,
    kty: 'RSA',
    key: { name, hash: `SHA-${bits}` },
    signature: name === 'RSA-PSS' ? { name, saltLength: bits / 8 } : { name },
    members: ['n', 'e'],
    thumbprint: ['e', 'kty', 'n'],
  }
}

/** ECDSA; WebCrypto's signatures are R and S side by side already (RFC 7518 section 3.4). */
function ecdsa(alg: 'ES256' | 'ES384' | 'ES512', crv: string, width: number): Algorithm {
  return {
    alg,
    kty: 'EC',
    key: { name: 'ECDSA', namedCurve: crv },
    signature: { name: 'ECDSA', hash: `SHA-${alg.slice(2)}` },
    members: ['crv', 'x', 'y'],
    thumbprint: ['crv', 'kty', 'x', 'y'],
    width,
    crv,
  }
}

/** Ed25519 (RFC 8037 section 3.1) under its own name (RFC 9864 section 2.2) or the older one. */
function ed25519(alg: Alg): Algorithm {
  return {
    alg,
    kty: 'OKP',
    key: { name: 'Ed25519' },
    signature: { name: 'Ed25519' },
    members: ['crv', 'x'],
    thumbprint: ['crv', 'kty', 'x'],
    width: 32,
    crv: 'Ed25519',
  }
}

/** ML-DSA (RFC 9964). */
function mlDsa(alg: Alg, width: number): Algorithm {
  return {
    alg,
    kty: 'AKP',
    key: { name: alg },
    signature: { name: alg },
    members: ['pub'],
    thumbprint: ['alg', 'kty', 'pub'],
    width,
    optional: true,
  }
}

/** One row for each algorithm. */
export const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map(
  [
    rsa('RS256', 'RSASSA-PKCS1-v1_5', 256),
    rsa('RS384', 'RSASSA-PKCS1-v1_5', 384),
    rsa('RS512', 'RSASSA-PKCS1-v1_5', 512),
    rsa('PS256', 'RSA-PSS', 256),
    rsa('PS384', 'RSA-PSS', 384),
    rsa('PS512', 'RSA-PSS', 512),
    ecdsa('ES256', 'P-256', 32),
    ecdsa('ES384', 'P-384', 48),
    ecdsa('ES512', 'P-521', 66),
    ed25519('Ed25519'),
    ed25519('EdDSA'),
    mlDsa('ML-DSA-44', 1312),
    mlDsa('ML-DSA-65', 1952),
    mlDsa('ML-DSA-87', 2592),
  ].map((row) => [row.alg, row]),
)

/** The row of a known algorithm. */
export function algorithm(alg: Alg): Algorithm {
  return ALGORITHMS.get(alg) as Algorithm
}

/** Reads the name of an algorithm; undefined for any other text, `none` and HMAC among them. */
export function parseAlg(text: string): Alg | undefined {
  return ALGORITHMS.get(text)?.alg
}
