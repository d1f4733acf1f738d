import type { Instant } from '../core/time.ts'

/** A request to an OAuth endpoint: what the endpoints look at, and nothing else. */
export interface OAuthRequest {
  /** The parameters of the form; an empty one counts as absent (RFC 6749 section 3.2). */
  readonly params: ReadonlyMap<string, string>
  /** What HTTP Basic carried, form-decoded (RFC 6749 section 2.3.1). */
  readonly basic: { readonly user: string; readonly password: string } | undefined
  /** The `DPoP` header (RFC 9449 section 4.1). */
  readonly dpop: string | undefined
  /** Where the request came from. */
  readonly address: string
  readonly at: Instant
}
