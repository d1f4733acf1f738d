import type { ClientFault } from '../core/event.ts'
import type { JsonObject } from '../core/json.ts'
import type { Result } from '../core/result.ts'
import type { Instant, Seconds } from '../core/time.ts'
import type { IssueDeps } from '../jose/issue.ts'
import type { Kid } from '../jose/jwk.ts'
import type { UncheckedJws } from '../jose/verify.ts'
import type { Current, Snapshot } from '../keyring/snapshot.ts'
import type { Client, GrantType, TrustedIssuer } from './client.ts'
import type { OAuthFault } from './fault.ts'
import type { Identifier, JtiStore } from './jti-store.ts'
import type { Throttle } from './throttle.ts'

/** What the endpoints for registered clients need. */
export interface TokenDeps extends IssueDeps {
  /** Replaced whole when the file of clients changes. */
  readonly clients: { readonly registry: Registry }
  readonly current: Current
  readonly jtis: JtiStore
  readonly throttle: Throttle
  /** Seconds that the clock of a sender may differ from ours. */
  readonly skew: Seconds
  /** Lifetime of a token whose client names none. */
  readonly ttl: Seconds
  /** The URL of the token endpoint, as the metadata names it. */
  readonly url: string
}

/** A request to an OAuth endpoint: what the endpoints look at, and nothing else. */
export interface OAuthRequest {
  /** The parameters of the form; an empty one counts as absent (RFC 6749 section 3.2). */
  readonly params: ReadonlyMap<string, string>
  /** What the token is for: these two parameters may repeat (RFC 8707 section 2, RFC 8693 section 2.1). */
  readonly resources: readonly string[]
  readonly audiences: readonly string[]
  /** What HTTP Basic carried, form-decoded (RFC 6749 section 2.3.1). */
  readonly basic: { readonly user: string; readonly password: string } | undefined
  /** The `DPoP` header (RFC 9449 section 4.1). */
  readonly dpop: string | undefined
  /** Where the request came from. */
  readonly address: string
  readonly now: Instant
}

/** One request, and what is in force while it is answered: one snapshot of the keys, and one registry. */
export interface Context {
  readonly request: OAuthRequest
  readonly deps: TokenDeps
  readonly snapshot: Snapshot
  readonly registry: Registry
}

/** The context of a request whose client has authenticated. */
export interface ClientContext extends Context {
  readonly client: Client
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

/** Checks that a client assertion is from this client (RFC 7523 section 3); returns what is wrong with it. */
export type CheckAssertion = (jws: UncheckedJws, client: Client, context: Context) => Promise<ClientFault | undefined>

/** Checks a DPoP proof (RFC 9449 section 4.3), and answers the thumbprint of its key. */
export type CheckProof = (proof: string, context: ClientContext) => Promise<Result<Kid, OAuthFault>>

/** One way of getting a token; the client may use it. */
export interface Grant {
  readonly type: GrantType
  readonly entitle: (context: ClientContext) => Promise<Result<Entitlement, OAuthFault>>
}

/** What a grant earns: the subject of the token, and how far it may reach. The pipeline only ever narrows it. */
export interface Entitlement {
  readonly subject: string
  /** The audiences and scopes that the token may have at most; all of the client's unless given. */
  readonly audiences?: readonly string[]
  readonly scopes?: readonly string[]
  /** What is traded in was bound to a key: so is the token, to the same key or another one. */
  readonly isBound?: boolean
  /** What is traded in counts once, under this identifier. */
  readonly once?: Omit<Identifier, 'client'>
  /** The token expires at this moment or before. */
  readonly notAfter?: Instant
  /** Claims of the grant itself. */
  readonly claims?: JsonObject
  /** Members of the answer that the grant requires. */
  readonly answer?: JsonObject
}
