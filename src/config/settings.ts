import type { Level } from '../core/event.ts'
import type { Seconds } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'
import type { Timing } from '../keyring/policy.ts'
import type { AdminAddress, StoreUrl } from './values.ts'

/** What was set, by flag, environment or file; an option that was not is undefined. */
export interface Settings {
  readonly host: string | undefined
  readonly port: number | undefined
  readonly workers: number | undefined
  readonly issuer: string | undefined
  readonly audience: readonly string[] | undefined
  readonly alg: readonly [Alg, ...Alg[]] | undefined
  readonly 'rsa-bits': number | undefined
  readonly preset: Partial<Timing> | undefined
  readonly 'rotation-interval': Seconds | undefined
  readonly lead: Seconds | undefined
  readonly retention: Seconds | undefined
  readonly 'jwks-max-age': Seconds | undefined
  readonly ttl: Seconds | undefined
  readonly 'max-ttl': Seconds | undefined
  readonly 'cache-layers': number | undefined
  readonly propagation: Seconds | undefined
  readonly 'clock-error': Seconds | undefined
  readonly leeway: Seconds | undefined
  readonly history: Seconds | undefined
  readonly store: StoreUrl | undefined
  readonly 'kek-file': readonly string[] | undefined
  readonly kek: readonly Uint8Array[] | undefined
  readonly unsealed: boolean | undefined
  readonly 'allow-shared-files': boolean | undefined
  readonly admin: AdminAddress | undefined
  readonly 'admin-token-file': string | undefined
  readonly clients: string | undefined
  readonly audit: string | undefined
  readonly 'audit-required': boolean | undefined
  readonly 'open-auth': boolean | undefined
  readonly 'allow-origin': ReadonlySet<string> | undefined
  readonly 'log-level': Level | undefined
  readonly config: string | undefined
}
