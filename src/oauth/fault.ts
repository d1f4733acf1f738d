import { fail, type Result } from '../core/result.ts'

/** Every refusal of the OAuth endpoints (RFC 6749 section 5.2, RFC 8707 section 2, RFC 9449 section 5). */
export type OAuthCode =
  | 'invalid_request' | 'invalid_client' | 'invalid_grant' | 'unauthorized_client' | 'unsupported_grant_type'
  | 'invalid_scope' | 'invalid_target' | 'invalid_dpop_proof' | 'unsupported_token_type' | 'temporarily_unavailable'

/** Why a request of a client is refused; the description, for the developer of the client, never repeats input. */
export interface OAuthFault {
  readonly code: OAuthCode
  readonly description: string
  /** Seconds after which the client may retry. */
  readonly retryAfter?: number
  /** The status of the response, where it is not that of the code. */
  readonly status?: 429
}

const RETRY_AFTER_SECONDS = 5

/** Says that a client has used up what it may have in store; no other client notices. */
export const TOO_MANY = 'The client has used too many assertions and proofs that have not expired; try again later'

/** A refusal as a result. */
export function refused(code: OAuthCode, description: string): Result<never, OAuthFault> {
  return fail({ code, description })
}

/** The refusal of a request that may succeed a little later. */
export function unavailable(description: string): Result<never, OAuthFault> {
  return fail({ code: 'temporarily_unavailable', description, retryAfter: RETRY_AFTER_SECONDS })
}
