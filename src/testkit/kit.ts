import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto'
import { encodeBase64url } from '../core/base64url.ts'
import type { JsonObject } from '../core/json.ts'
import type { Instant } from '../core/time.ts'
import type { Signer } from '../jose/signer.ts'

/** Everything that goes into a token that is right, so that one thing at a time can be made wrong. */
export interface Kit {
  /** Signs now, and is published. */
  readonly signer: Signer
  /** Of the same algorithm, and published nowhere. */
  readonly stranger: Signer
  /** The keys that are published besides that of `signer`. */
  readonly published: readonly Signer[]
  readonly header: JsonObject
  readonly claims: JsonObject & { readonly iss: string; readonly aud: string | readonly string[]; readonly sub: string }
  readonly now: Instant
  /** Where a stranger would publish its own key set, for verifiers that follow what a token says. */
  readonly strangerJwks: string
}

/** One kind of token, and what a right verifier does with it. */
export interface Case {
  readonly name: string
  /** What is wrong with it, or unusual. */
  readonly what: string
  /** The rule that it breaks, or that allows it: RFC and section, or the vulnerability that made it known. */
  readonly rule: string
  readonly expected: 'refuse' | 'accept'
  /** `must`: the rule says so; `should`: it is good practice, or depends on what the API is for. */
  readonly level: 'must' | 'should'
  /** The token; undefined where the keys of the issuer do not allow it. */
  readonly make: (kit: Kit) => string | undefined | Promise<string | undefined>
}

/** A token by the right key, with these members of header and claims in place of the right ones; undefined leaves out. */
export function truly(kit: Kit, header: object = {}, claims: object = {}): Promise<string> {
  return signedBy(kit.signer, { ...kit.header, ...header }, { ...kit.claims, ...claims })
}

/** The right claims under another key, which the header names unless it says otherwise. */
export function byStranger(kit: Kit, header: object = {}): Promise<string> {
  return signedBy(kit.stranger, { ...kit.header, ...header }, kit.claims)
}

/** A token over a header and claims, as objects or as exactly this text. */
export async function signedBy({ sign }: Signer, header: object | string, claims: object | string): Promise<string> {
  const input = inputOf(header, claims)
  return `${input}.${encodeBase64url(await sign(Buffer.from(input)))}`
}

/** The first two parts of a token. */
export function inputOf(header: object | string, claims: object | string): string {
  return [header, claims].map((part) => encodeBase64url(typeof part === 'string' ? part : JSON.stringify(part))).join('.')
}

/** The right token with something else for its signature. */
export async function resigned(kit: Kit, change: (signature: Buffer) => Uint8Array | Promise<Uint8Array>): Promise<string> {
  const [header, payload, signature = ''] = (await truly(kit)).split('.')
  return `${header}.${payload}.${encodeBase64url(await change(Buffer.from(signature, 'base64url')))}`
}

/** The right claims under HMAC with SHA-256. */
export function hmac(kit: Kit, secret: Uint8Array | string, header: object = {}): string {
  const input = inputOf({ ...kit.header, ...header, alg: 'HS256' }, kit.claims)
  return `${input}.${encodeBase64url(createHmac('sha256', secret).update(input).digest())}`
}

/** The public key that signs, as everybody can have it: in PEM, with its line break. */
export function pemOf({ signer: { jwk } }: Kit): string {
  const { kid: _kid, use: _use, alg: _alg, ...members } = jwk
  return String(createPublicKey({ key: members as JsonWebKey, format: 'jwk' }).export({ format: 'pem', type: 'spki' }))
}

/** A text as the payload of a token would be, with another beginning. */
export function opening(object: object, text: string): string {
  return JSON.stringify(object).replace('{', `{${text},`)
}
