import type { JsonObject } from '../core/json.ts'
import type { Result } from '../core/result.ts'
import type { Instant, Seconds } from '../core/time.ts'
import type { Kid } from '../jose/jwk.ts'
import type { UncheckedJws } from '../jose/verify.ts'
import type { Ring } from '../keyring/ring.ts'
import type { Client, ClientId, GrantType, KeySource, TrustedIssuer } from './client.ts'
import type { OAuthFault } from './fault.ts'
import type { JtiStore } from './jti-store.ts'

/** What is in force during one request: assertions, tokens and proofs are checked against it. */
export interface Rules {
  readonly issuer: string
  /** The URL of the token endpoint, as the metadata names it. */
  readonly url: string
  readonly now: Instant
  /** Seconds that the clock of a sender may differ from ours. */
  readonly skew: Seconds
  readonly jtis: JtiStore
  readonly ring: Ring
  readonly registry: Registry
}

/** Every client, every issuer that one of them relies on, and what one of them may use: the rest is not loaded. */
export interface Registry {
  readonly clients: ReadonlyMap<string, Client>
  readonly issuers: ReadonlyMap<string, TrustedIssuer>
  readonly grants: readonly Grant[]
  /** Undefined when no client authenticates with a key. */
  readonly checkAssertion: CheckAssertion | undefined
  /** Undefined when no client's entry mentions DPoP. */
  readonly checkProof: CheckProof | undefined
}

/** Checks that a client assertion is from this client (RFC 7523 section 3). */
export type CheckAssertion = (jws: UncheckedJws, client: KeyedClient, rules: Rules) => Promise<boolean>

/** A client that authenticates with a key. */
export interface KeyedClient {
  readonly id: ClientId
  readonly keys: KeySource
}

/** Checks a DPoP proof (RFC 9449 section 4.3), and answers the thumbprint of its key. */
export type CheckProof = (proof: string, rules: Rules) => Promise<Result<Kid, OAuthFault>>

/** The parameters of a form. */
export type Params = ReadonlyMap<string, string>

/** One way of getting a token; the client has authenticated, and may use it. */
export interface Grant {
  readonly type: GrantType
  readonly entitle: (params: Params, client: Client, rules: Rules) => Promise<Result<Entitlement, OAuthFault>>
}

/** What a grant earns: the subject of the token, and how far it may reach. The pipeline only ever narrows it. */
export interface Entitlement {
  readonly subject: string
  /** The audiences and scopes that the token may have at most; all of the client's unless given. */
  readonly audiences?: readonly string[]
  readonly scopes?: readonly string[]
  /** The token expires at this moment or before. */
  readonly notAfter?: Instant
  /** Claims of the grant itself. */
  readonly claims?: JsonObject
  /** Members of the answer that the grant requires. */
  readonly answer?: JsonObject
}
