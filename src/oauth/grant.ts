import type { JsonObject } from '../core/json.ts'
import type { Result } from '../core/result.ts'
import type { Instant } from '../core/time.ts'
import type { Client, GrantType } from './client.ts'
import type { OAuthFault } from './fault.ts'
import type { Rules } from './rules.ts'

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

/** One way of getting a token; the client has authenticated, and may use it. */
export interface Grant {
  readonly type: GrantType
  readonly entitle: (params: ReadonlyMap<string, string>, client: Client, rules: Rules) => Promise<Result<Entitlement, OAuthFault>>
}
