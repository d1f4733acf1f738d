import { type Instant, instant, type Seconds } from '../../core/time.ts'
import type { Timing } from '../../keyring/policy.ts'

/** The moments between which a verifier of some kind has read its key set; which one is random. */
export interface Window {
  readonly from: Instant
  readonly to: Instant
}

/** How a verifier caches the key set, as verifiers in the field do. */
export interface VerifierKind {
  readonly name: string
  /** Whether the promise covers it: it honours `Cache-Control`. */
  readonly isPromised: boolean
  /** When the set that the verifier holds at `now` was read at its source. */
  readonly held: (now: Instant, timing: Timing) => Window
  /** The same after another fetch because the set lacks a kid; undefined for a verifier that never does this. */
  readonly refetched: ((now: Instant, timing: Timing) => Window) | undefined
}

const MINUTE = 60
const HOUR = 60 * MINUTE
const COOL_DOWN = 30

/** The kinds, the one that the promise is made to first. */
export const VERIFIER_KINDS: readonly VerifierKind[] = [
  {
    name: 'honours max-age',
    isPromised: true,
    held: (now, { cacheLayers, maxAge }) => last(now, cacheLayers * maxAge),
    refetched: undefined,
  },
  refreshing('refreshes every 20 min', 20 * MINUTE),
  refreshing('refreshes every hour', HOUR),
  refreshing('refreshes every 24 h', 24 * HOUR),
  {
    // As jose does it: ten minutes at most, and at most every 30 s when a kid is unknown.
    ...refreshing('refetches on an unknown kid', 10 * MINUTE),
    refetched: (now, timing) => last(now, COOL_DOWN + cached(timing)),
  },
  {
    name: 'never refetches',
    isPromised: false,
    held: (_now, { interval }) => ({ from: instant(interval / 2), to: instant(interval / 2) }),
    refetched: undefined,
  },
]

/** Reads the set once in a period, through the caches before it. */
function refreshing(name: string, period: number): VerifierKind {
  return { name, isPromised: false, held: (now, timing) => last(now, period + cached(timing)), refetched: undefined }
}

/** Seconds that the caches between the server and a verifier may keep the set. */
function cached({ cacheLayers, maxAge }: Timing): number {
  return Math.max(0, cacheLayers - 1) * maxAge
}

function last(now: Instant, length: Seconds | number): Window {
  return { from: instant(now - length), to: now }
}
