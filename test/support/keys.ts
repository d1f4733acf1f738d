import { instant } from '../../src/core/time.ts'
import type { Alg } from '../../src/jose/algorithm.ts'
import type { Kid, PublicJwk } from '../../src/jose/jwk.ts'
import type { Sealed } from '../../src/jose/kek.ts'
import type { FreshKey } from '../../src/jose/signer.ts'
import { advance } from '../../src/keyring/advance.ts'
import { DEFAULT_HISTORY, NO_MARKS, type Policy, resolveTiming, type Timing } from '../../src/keyring/policy.ts'
import type { Ring } from '../../src/keyring/ring.ts'

let made = 0

/** A key in shape alone, for rules that never look inside. */
export function shapedKey(alg: Alg = 'ES256'): FreshKey {
  made += 1
  const jwk = { kty: 'EC', kid: `${alg}-${made}` as Kid, use: 'sig', alg } as unknown as PublicJwk
  return { jwk, sealed: {} as Sealed }
}

/** Short lengths in seconds for tests of rotation; (1) needs 110, and the lead is 400. */
export const LENGTHS = {
  interval: 1000,
  lead: 400,
  retention: 300,
  maxTtl: 100,
  cacheLayers: 1,
  maxAge: 100,
  propagation: 10,
  clockError: 0,
  leeway: 0,
}

/** A policy of the given lengths in seconds over the defaults. */
export function policyOf(
  lengths: Partial<Record<keyof Timing, number>> = {},
  algs: Policy['algs'] = ['ES256'],
): Policy {
  return { timing: resolveTiming(lengths as Partial<Timing>, NO_MARKS), algs, rsaBits: 2048, history: DEFAULT_HISTORY }
}

/** Advances until nothing is left to do at that moment, as the keyring does. */
export function settle(ring: Ring, policy: Policy, now: number): Ring {
  const { ring: next } = advance(ring, { policy, now: instant(now), fresh: policy.algs.map((alg) => shapedKey(alg)) })
  return next === ring ? ring : settle(next, policy, now)
}
