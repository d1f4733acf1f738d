import type { Brand } from '../core/brand.ts'
import type { JsonObject } from '../core/json.ts'
import type { Seconds } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'
import type { Verifier } from '../jose/jwk.ts'

/**
 * Returns the public keys of another party, as far as they are known; undefined when there are none. `isMissing`: the
 * right key was not among them.
 */
export type KeySource = (isMissing: boolean) => Promise<readonly Verifier[] | undefined>

/** Finds the keys at an address; the same source for the same address, so that a new file of clients forgets none. */
export type Remote = (url: string) => KeySource | Promise<KeySource>

/** Where the keys of others come from, and who learns of those that cannot be used. */
export interface KeyRules {
  readonly remote: Remote
  readonly dropped?: (from: string, place: number, member: string) => void
}

/** Names a registered client. */
export type ClientId = Brand<string, 'ClientId'>

/** How a client authenticates. */
export type ClientAuth =
  /**
   * SHA-256 of each secret that is valid, in base64url. A secret has 256 random bits: nobody can guess it, so
   * that a slow hash would not make it safer.
   */
  | { readonly method: 'client_secret_basic' | 'client_secret_post'; readonly hashes: readonly string[] }
  | { readonly method: 'private_key_jwt'; readonly keys: KeySource }
  /** It does not authenticate: the assertion that it exchanges is its only proof. */
  | { readonly method: 'none' }

/** An issuer that some client trusts. */
export interface TrustedIssuer {
  readonly keys: KeySource
  /** Whether one token of it may be traded in more than once, although it has a `jti`. */
  readonly mayReuse: boolean
}

/** An issuer whose tokens a client may exchange, and their subjects: exact, or a prefix before a closing `*`. */
export interface Trusted {
  readonly issuer: string
  readonly subjects: readonly string[]
}

/** The grants, as requests name them (RFC 6749 section 4.4, RFC 8693 section 2.1, RFC 7523 section 2.1). */
export type GrantType = typeof CLIENT_CREDENTIALS | typeof TOKEN_EXCHANGE | typeof JWT_BEARER

export const CLIENT_CREDENTIALS = 'client_credentials' as const
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange' as const
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer' as const

/** A registered client. */
export interface Client {
  readonly id: ClientId
  readonly auth: ClientAuth
  /** At least one; the first is the default. */
  readonly audiences: readonly string[]
  readonly scopes: readonly string[]
  readonly grants: readonly GrantType[]
  readonly claims: JsonObject
  readonly ttl: Seconds | undefined
  readonly alg: Alg | undefined
  /** True: it gets tokens only for a key that it proves to have (RFC 9449); false: with a proof or without. */
  readonly dpop: boolean | undefined
  readonly trusts: readonly Trusted[]
}
