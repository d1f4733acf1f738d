import { type JsonWebKey, webcrypto } from 'node:crypto'
import type { RandomBytes } from '../core/random.ts'
import { type Alg, algorithm, type Algorithm } from './algorithm.ts'
import { batch } from './batch.ts'
import { type Kid, type PublicJwk, publicJwk } from './jwk.ts'
import type { KeyEncryptionKey, Keks } from './kek.ts'
import { openVerifier } from './verifier.ts'
import { type SealedKey, unwrapKey, wrapKey } from './wrap.ts'

/** Signs with one key, under the one algorithm that the key is bound to (RFC 8725 section 3.1). */
export interface Signer {
  readonly alg: Alg
  readonly kid: Kid
  /** The public half. */
  readonly jwk: PublicJwk
  readonly sign: (data: Uint8Array) => Promise<Uint8Array>
}

/** A new key as a store receives it: the published half, and the private half sealed. */
export interface FreshKey {
  readonly jwk: PublicJwk
  readonly sealed: SealedKey
}

const { subtle } = webcrypto
const together = batch<ArrayBuffer>()
const PUBLIC_EXPONENT = new Uint8Array([1, 0, 1])
const CHALLENGE = Buffer.from('jwksd key pair consistency')

/** Whether this runtime can make keys of the algorithm; only rows marked optional can be missing. */
export async function isAvailable(alg: Alg): Promise<boolean> {
  const row = algorithm(alg)
  if (row.optional === undefined) return true
  try {
    await generatePair(row, 2048, false)
    return true
  } catch {
    return false
  }
}

/** Makes a key for a store; its private half is never seen outside WebCrypto. `rsaBits` counts for RSA alone. */
export async function generateKey(
  alg: Alg,
  rsaBits: number,
  kek: KeyEncryptionKey,
  randomBytes: RandomBytes,
): Promise<FreshKey> {
  const row = algorithm(alg)
  const pair = await generatePair(row, rsaBits, true)
  const jwk = await exportPublic(row, pair.publicKey)
  return { jwk, sealed: await wrapKey(pair.privateKey, jwk.kid, kek, randomBytes) }
}

/** Makes a signer whose key is stored and published nowhere. */
export async function unpublishedSigner(alg: Alg, rsaBits: number): Promise<Signer> {
  const row = algorithm(alg)
  const pair = await generatePair(row, rsaBits, false)
  return signerOf(row, await exportPublic(row, pair.publicKey), pair.privateKey)
}

/** Makes a signer of a private JWK that somebody handed in; rejects when it is none of this algorithm. */
export async function importSigner(privateJwk: JsonWebKey, alg: Alg): Promise<Signer> {
  const row = algorithm(alg)
  const members = Object.fromEntries([...row.members, 'kty', 'd', 'p', 'q', 'dp', 'dq', 'qi', 'priv'].flatMap((name) =>
    privateJwk[name] === undefined ? [] : [[name, privateJwk[name]]]))
  const key = await subtle.importKey('jwk', row.kty === 'AKP' ? { ...members, alg } : members, row.key, false, ['sign'])
  return signerOf(row, publicJwk(row, members), key)
}

/**
 * Unseals the private half of a published key and proves, by one signature, that the halves belong together;
 * undefined when either fails.
 */
export async function openSigner(
  jwk: PublicJwk,
  sealed: SealedKey,
  keks: Keks,
): Promise<Signer | undefined> {
  const row = algorithm(jwk.alg)
  const key = await unwrapKey(sealed, jwk.kid, row, keks)
  if (key === undefined) return undefined
  const signer = signerOf(row, jwk, key)
  return (await verifies(jwk, CHALLENGE, await signer.sign(CHALLENGE))) ? signer : undefined
}

/** Whether the signature over `data` was made by the private half of the key, under the key's own algorithm. */
export async function verifies(jwk: PublicJwk, data: Uint8Array, signature: Uint8Array): Promise<boolean> {
  return (await openVerifier(jwk)).verify(data, signature)
}

function signerOf(row: Algorithm, jwk: PublicJwk, key: webcrypto.CryptoKey): Signer {
  return {
    alg: row.alg,
    kid: jwk.kid,
    jwk,
    sign: async (data) => new Uint8Array(await together(() => subtle.sign(row.signature, key, data))),
  }
}

async function generatePair(row: Algorithm, rsaBits: number, extractable: boolean): Promise<webcrypto.CryptoKeyPair> {
  const size = row.kty === 'RSA' ? { modulusLength: rsaBits, publicExponent: PUBLIC_EXPONENT } : {}
  const pair = await subtle.generateKey({ ...row.key, ...size }, extractable, ['sign', 'verify'])
  return pair as webcrypto.CryptoKeyPair
}

async function exportPublic(row: Algorithm, key: webcrypto.CryptoKey): Promise<PublicJwk> {
  return publicJwk(row, { ...(await subtle.exportKey('jwk', key)) })
}
