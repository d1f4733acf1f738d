import type { Alg } from '../../src/jose/algorithm.ts'
import type { Kid, PublicJwk } from '../../src/jose/jwk.ts'
import type { FreshKey } from '../../src/jose/signer.ts'
import type { SealedKey } from '../../src/jose/wrap.ts'
import type { Policy, Timing } from '../../src/keyring/policy.ts'
import { NO_MARKS, resolveTiming } from '../../src/keyring/policy.ts'

let made = 0

/** A key in shape alone, for rules that never look inside. */
export function shapedKey(alg: Alg = 'ES256'): FreshKey {
  made += 1
  const jwk = { kty: 'EC', kid: `${alg}-${made}` as Kid, use: 'sig', alg } as unknown as PublicJwk
  return { jwk, sealed: {} as SealedKey }
}

/** A policy of the given lengths in seconds over the defaults. */
export function policyOf(lengths: Partial<Record<keyof Timing, number>> = {}, algs: Policy['algs'] = ['ES256']): Policy {
  return { timing: resolveTiming(lengths as Partial<Timing>, NO_MARKS), algs, rsaBits: 2048 }
}
