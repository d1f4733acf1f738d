import type { JsonObject } from '../core/json.ts'
import type { Result } from '../core/result.ts'
import type { Instant } from '../core/time.ts'
import type { Client, GrantType, Registry } from './client.ts'
import type { OAuthFault } from './fault.ts'
import type { OwnTokenRules } from './own-token.ts'

/** What a grant earns: whom the token is about, and how far it may reach. The pipeline only ever narrows it. */
export interface Entitlement {
  readonly subject: string
  /** What the token may be for at most; undefined: what the client may have. */
  readonly audiences: readonly string[] | undefined
  readonly scopes: readonly string[] | undefined
  readonly notAfter: Instant | undefined
  /** Claims of the grant itself. */
  readonly claims: JsonObject
  /** Members of the answer that the grant requires. */
  readonly answer: JsonObject
}

/** What a grant may look at. */
export interface GrantDeps extends OwnTokenRules {
  readonly registry: Registry
}

/** One way of getting a token; the client has authenticated, and may use it. */
export interface Grant {
  readonly type: GrantType
  readonly entitle: (params: ReadonlyMap<string, string>, client: Client, deps: GrantDeps) => Promise<Result<Entitlement, OAuthFault>>
}
