import { after, earliest, instant, type Instant, later, never, type Seconds, seconds } from '../../core/time.ts'
import type { Kid, PublicJwk } from '../../jose/jwk.ts'
import type { FreshKey } from '../../jose/signer.ts'
import { advance, ringDueAt } from '../../keyring/advance.ts'
import { believing } from '../../keyring/believing.ts'
import type { Change } from '../../keyring/moves.ts'
import type { Policy } from '../../keyring/policy.ts'
import { EMPTY_RING, standbyOf } from '../../keyring/ring.ts'

/** The conditions under which the rules of the ring run. */
export interface Replay {
  readonly policy: Policy
  /** How long the run lasts. */
  readonly span: Seconds
  /** The real error of the clocks: one that stamps is so much behind, one that acts on stamps so much ahead. */
  readonly skew: Seconds
  /** How long the store is out of reach whenever a third promotion is due; 0 for never. */
  readonly outage: Seconds
}

/** The life of one key, in true seconds since the start, at which a ring was committed; `never` after the span. */
export interface Life {
  /** Counts the keys from 1. */
  readonly number: number
  readonly publishedAt: Instant
  readonly activeAt: Instant
  readonly retiredAt: Instant
  readonly removedAt: Instant
}

/** The keys and the outages of a run. */
export interface Schedule {
  readonly lives: readonly Life[]
  readonly outages: readonly { readonly from: Instant; readonly to: Instant }[]
}

/** Something goes wrong at every third key. */
const TROUBLE_EVERY = 3
const START = instant(0)

/**
 * Runs the keys of the default algorithm through the rules of the ring, with the lead and the retention that were set,
 * even below their bounds: so one sees which verifiers would fail. A policy within its bounds runs as on a server.
 * Every third promotion meets an outage, and every third key is made as late as its lead allows.
 */
export function replay({ policy, span, skew, outage }: Replay): Schedule {
  const rules = unproved(policy)
  const seen = { policy: rules, watch: believing }
  const { interval, lead } = policy.timing
  const journal = new Map<Kid, Map<Change['to'], Instant>>()
  const outages: { readonly from: Instant; readonly to: Instant }[] = []
  let [ring, at, keyReadyAt] = [EMPTY_RING, START, START]
  while (at <= span) {
    const isStamping = ring === EMPTY_RING || ringDueAt(ring, seen) === -Infinity
    const fresh = at < keyReadyAt ? [] : [shape(rules, journal.size + 1)]
    const now = instant(at + (isStamping ? -skew : skew))
    const { ring: next, changes } = advance(ring, { ...seen, now, fresh })
    const isTurning = ring !== EMPTY_RING && changes.some(({ to }) => to === 'promoted')
    if (isTurning && outage > 0 && journal.size % TROUBLE_EVERY === 0 && outages.at(-1)?.to !== at) {
      outages.push({ from: at, to: after(at, outage) })
      at = after(at, outage)
      continue
    }
    if (isTurning && journal.size % TROUBLE_EVERY === 1 && fresh.length > 0) {
      keyReadyAt = instant(at + interval - lead + 2 * skew)
      if (keyReadyAt > at) continue
    }
    for (const { kid, to } of changes) journal.set(kid, (journal.get(kid) ?? new Map()).set(to, at))
    ring = next
    // A missing stamp or standby follows at once, everything else when the clock that is ahead reaches it.
    const dueAt = instant(ringDueAt(ring, seen) - skew)
    const hasStandby = standbyOf(ring.keys, rules.algs[0]) !== undefined
    at = later(at, hasStandby ? dueAt : earliest([dueAt, keyReadyAt]))
  }
  return { lives: [...journal.values()].map(lifeOf), outages }
}

/** The schedule that was set, without the bounds that the rules would apply. */
function unproved(policy: Policy): Policy {
  const none = seconds(0)
  const bounds = { maxAge: none, maxTtl: none, cacheLayers: 0, propagation: none, clockError: none, leeway: none }
  return { ...policy, timing: { ...policy.timing, ...bounds }, algs: [policy.algs[0]], history: none }
}

/** A key without its material: the rules never look inside. */
function shape({ algs: [alg] }: Policy, number: number): FreshKey {
  return { jwk: { kid: String(number) as Kid, alg } as PublicJwk, sealed: {} as FreshKey['sealed'] }
}

function lifeOf(moments: ReadonlyMap<Change['to'], Instant>, index: number): Life {
  const [publishedAt = never, activeAt = never, retiredAt = never, removedAt = never] =
    (['created', 'promoted', 'retired', 'removed'] as const).map((to) => moments.get(to))
  return { number: index + 1, publishedAt, activeAt, retiredAt, removedAt }
}
