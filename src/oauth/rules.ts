import type { Result } from '../core/result.ts'
import type { Instant, Seconds } from '../core/time.ts'
import type { Kid } from '../jose/jwk.ts'
import type { Ring } from '../keyring/ring.ts'
import type { Client, TrustedIssuer } from './client.ts'
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
  readonly clients: ReadonlyMap<string, Client>
  readonly issuers: ReadonlyMap<string, TrustedIssuer>
}

/** Checks a DPoP proof (RFC 9449 section 4.3), and answers the thumbprint of its key. */
export type CheckProof = (proof: string, rules: Rules) => Promise<Result<Kid, OAuthFault>>
