import { webcrypto } from 'node:crypto'
import { encodeBase64url } from '../core/encoding.ts'
import { type Alg, algorithm } from './algorithm.ts'
import { type Kid, openVerifier, type PublicJwk, publicJwk } from './jwk.ts'
import type { Keks, Sealed, Sealing } from './kek.ts'
import { unwrapKey, wrapKey } from './wrap.ts'

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
  readonly sealed: Sealed
}

/** The published half of a key, and its private half. */
interface KeyPair {
  readonly jwk: PublicJwk
  readonly privateKey: webcrypto.CryptoKey
}

const { subtle } = webcrypto
const together = batch<ArrayBuffer>()
const PUBLIC_EXPONENT = new Uint8Array([1, 0, 1])
const CHALLENGE = Buffer.from('jwksd key pair consistency')

/** Whether this runtime can make keys of the algorithm; only rows marked optional can be missing. */
export async function isAvailable(alg: Alg): Promise<boolean> {
  return algorithm(alg).optional === undefined || await generatePair(alg, 2048, false).then(() => true, () => false)
}

/** Makes a key for a store; its private half never leaves WebCrypto unencrypted. `rsaBits` counts for RSA alone. */
export async function generateKey(
  alg: Alg,
  { rsaBits, ...sealing }: Omit<Sealing, 'context'> & { readonly rsaBits: number },
): Promise<FreshKey> {
  const { jwk, privateKey } = await generatePair(alg, rsaBits, true)
  return { jwk, sealed: await wrapKey(privateKey, jwk.kid, sealing) }
}

/**
 * Unseals the private half of a published key and proves, by one signature, that the halves belong together;
 * undefined when either fails.
 */
export async function openSigner(jwk: PublicJwk, sealed: Sealed, keks: Keks): Promise<Signer | undefined> {
  const key = await unwrapKey(sealed, jwk, keks)
  if (key === undefined) return undefined
  const signer = signerOf(jwk, key)
  return (await verifies(jwk, CHALLENGE, await signer.sign(CHALLENGE))) ? signer : undefined
}

/** Whether the signature over `data` was made by the private half of the key, under the key's own algorithm. */
export async function verifies(jwk: PublicJwk, data: Uint8Array, signature: Uint8Array): Promise<boolean> {
  return (await openVerifier(jwk)).verify(data, signature)
}

/** A signer of the private half of a key. */
export function signerOf(jwk: PublicJwk, key: webcrypto.CryptoKey): Signer {
  const { signature } = algorithm(jwk.alg)
  return {
    alg: jwk.alg,
    kid: jwk.kid,
    jwk,
    sign: async (data) => new Uint8Array(await together(() => subtle.sign(signature, key, data))),
  }
}

/** Makes the two halves of a key; `rsaBits` counts for RSA alone. */
export async function generatePair(alg: Alg, rsaBits: number, extractable: boolean): Promise<KeyPair> {
  const row = algorithm(alg)
  const size = row.kty === 'RSA' ? { modulusLength: rsaBits, publicExponent: PUBLIC_EXPONENT } : {}
  const made = await subtle.generateKey({ ...row.key, ...size }, extractable, ['sign', 'verify'])
  const { publicKey, privateKey } = made as webcrypto.CryptoKeyPair
  return { jwk: publicJwk(row, { ...await subtle.exportKey('jwk', publicKey) }), privateKey }
}

/** Signs `payload` under the protected header, in compact serialization (RFC 7515 sections 5.1 and 7.1). */
export async function signCompact(
  header: Uint8Array | string,
  payload: Uint8Array | string,
  sign: (data: Uint8Array) => Promise<Uint8Array>,
): Promise<string> {
  const signingInput = `${encodeBase64url(header)}.${encodeBase64url(payload)}`
  const signature = await sign(Buffer.from(signingInput, 'latin1'))
  return `${signingInput}.${encodeBase64url(signature)}`
}

/**
 * Runs tasks that each hand work to the thread pool together, once everything that came in with this turn of the event
 * loop is read. One by one, each would wake a thread while the next request waits to be read: ES256 tokens take a fifth
 * more processor time that way.
 */
function batch<Made>(): (task: () => Promise<Made>) => Promise<Made> {
  let waiting: (() => void)[] = []
  const runAll = (): void => {
    const tasks = waiting
    waiting = []
    for (const run of tasks) run()
  }
  return (task) => new Promise((resolve) => {
    if (waiting.push(() => resolve(task())) === 1) setImmediate(runAll)
  })
}
