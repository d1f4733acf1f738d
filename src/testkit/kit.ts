import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto'
import { encodeBase64url } from '../core/encoding.ts'
import type { JsonObject } from '../core/json.ts'
import type { Instant } from '../core/time.ts'
import type { Signer } from '../jose/signer.ts'

/** The parts of a right token, so that one of them at a time can be made wrong. */
export interface Kit {
  /** The key that signs now; it is published. */
  readonly signer: Signer
  /** A key of the same algorithm that is not published. */
  readonly unpublished: Signer
  /** The published keys, `signer` may be among them. */
  readonly published: readonly Signer[]
  readonly header: JsonObject
  readonly claims: JsonObject & { readonly iss: string; readonly aud: string | readonly string[]; readonly sub: string }
  readonly now: Instant
  /** The URL of a key set with the key `unpublished`, which only a verifier fetches that follows `jku` or `x5u`. */
  readonly attackerJwksUrl: string
  /** Seconds until the latest expiry of a token by a published key; undefined where those keys die with the process. */
  readonly longest?: number | undefined
}

/** One kind of token, and what a right verifier does with it. */
export interface Case {
  readonly name: string
  /** What is wrong with it, or unusual. */
  readonly what: string
  /** The rule that it breaks, or that allows it: RFC and section, or the vulnerability that made it known. */
  readonly rule: string
  readonly expected: 'refuse' | 'accept'
  /** `must`: the rule demands it; `should`: it is good practice, or depends on what the API is for. */
  readonly level: 'must' | 'should'
  /** Makes the token; undefined where the keys of the issuer do not allow it. */
  readonly make: (kit: Kit) => string | undefined | Promise<string | undefined>
}

/** A case as a row of a table. */
export type CaseRow = readonly [name: string, what: string, rule: string, make: Case['make'], level?: 'should']

/** The cases of a table, for all of which a verifier must do the same. */
export function casesOf(expected: Case['expected'], rows: readonly CaseRow[]): readonly Case[] {
  return rows.map(([name, what, rule, make, level = 'must' as const]) => ({ name, what, rule, expected, level, make }))
}

/** A token by the right key; these members replace those of its header and claims, and undefined leaves one out. */
export function tokenOf(kit: Kit, header: object = {}, claims: object = {}): Promise<string> {
  return signedBy(kit.signer, { ...kit.header, ...header }, { ...kit.claims, ...claims })
}

/** The right claims under the unpublished key; the header names the right key unless `header` says otherwise. */
export function byUnpublished(kit: Kit, header: object = {}): Promise<string> {
  return signedBy(kit.unpublished, { ...kit.header, ...header }, kit.claims)
}

/** A token over a header and claims, given as objects or as the exact text. */
export async function signedBy({ sign }: Signer, header: object | string, claims: object | string): Promise<string> {
  const input = inputOf(header, claims)
  return `${input}.${encodeBase64url(await sign(Buffer.from(input)))}`
}

/** The first two parts of a token. */
export function inputOf(...parts: readonly [header: object | string, claims: object | string]): string {
  return parts.map((part) => encodeBase64url(typeof part === 'string' ? part : JSON.stringify(part))).join('.')
}

/** The right token with another signature. */
export async function resigned(kit: Kit, change: (signature: Buffer) => Uint8Array): Promise<string> {
  const [header, payload, signature = ''] = (await tokenOf(kit)).split('.')
  return `${header}.${payload}.${encodeBase64url(change(Buffer.from(signature, 'base64url')))}`
}

/** The right claims under HMAC with SHA-256. */
export function hmac(kit: Kit, secret: Uint8Array | string, header: object = {}): string {
  const input = inputOf({ ...kit.header, ...header, alg: 'HS256' }, kit.claims)
  return `${input}.${encodeBase64url(createHmac('sha256', secret).update(input).digest())}`
}

/** The public key that signs, in PEM, as everybody can make it from the key set. */
export function pemOf({ signer: { jwk } }: Kit): string {
  const { kid: _kid, use: _use, alg: _alg, ...members } = jwk
  return String(createPublicKey({ key: members as JsonWebKey, format: 'jwk' }).export({ format: 'pem', type: 'spki' }))
}

/** The JSON of an object with one more member, given as text, before its own. */
export function withFirst(member: string, object: object): string {
  return JSON.stringify(object).replace('{', `{${member},`)
}
