import { instant, seconds } from '../../src/core/time.ts'
import type { Alg } from '../../src/jose/algorithm.ts'
import type { Kid, PublicJwk } from '../../src/jose/jwk.ts'
import type { Sealed } from '../../src/jose/kek.ts'
import type { FreshKey } from '../../src/jose/signer.ts'
import { advance } from '../../src/keyring/advance.ts'
import { believing } from '../../src/keyring/believing.ts'
import { NO_MARKS, type Policy, resolveTiming, type Timing, type TimingSettings } from '../../src/keyring/policy.ts'
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

/** Lengths of time in seconds. */
export type Lengths = Partial<Record<keyof Timing, number>>

/** The defaults of the options. */
const DEFAULTS = { interval: 604_800, cacheLayers: 2, propagation: 5, clockError: 60, leeway: 300 }

/** The timing that follows from the given lengths over the defaults. */
export function timingOf(lengths: Lengths, marks = NO_MARKS): Timing {
  return resolveTiming({ ...DEFAULTS, ...lengths } as TimingSettings, marks)
}

/** A policy of the given lengths over the defaults. */
export function policyOf(lengths: Lengths = {}, algs: Policy['algs'] = ['ES256']): Policy {
  return { timing: timingOf(lengths), algs, rsaBits: 2048, history: seconds(3650 * 86_400) }
}

/** Advances until nothing is left to do at that moment, as the keyring does. */
export function settle(ring: Ring, policy: Policy, now: number): Ring {
  const { ring: next } = advance(ring, { policy, watch: believing, now: instant(now), fresh: policy.algs.map((alg) => shapedKey(alg)) })
  return next === ring ? ring : settle(next, policy, now)
}
