import { after, type Instant, instant, later, never, type Seconds, seconds } from '../../core/time.ts'
import { longestView, NO_MARKS, type Policy, type Timing } from '../../keyring/policy.ts'
import { type Life, replay, type Replay, type Schedule } from './schedule.ts'
import { VERIFIER_KINDS, type VerifierKind, type Window } from './verifier-kinds.ts'

/**
 * Simulation: whether verifiers of several kinds fail in months of a configuration. Read simulate.ts first; schedule.ts
 * runs the rules of the ring, verifier-kinds.ts says when verifiers fetch the key set, report.ts writes.
 */

/** One use of one token. */
export interface Use {
  readonly key: Life
  readonly mintedAt: Instant
  readonly usedAt: Instant
}

/** A use that fails, with the moment at which the set of the unluckiest verifier was read at its source. */
export interface Failure extends Use {
  readonly readAt: Instant
  /** The same for the set that it fetches because of the unknown kid; undefined when it fetches none. */
  readonly refetchedAt: Instant | undefined
}

/** How many verifications fail at verifiers of one kind. */
export interface Outcome {
  readonly kind: VerifierKind
  readonly tried: number
  /** Verifications that fail at the unluckiest verifier of the kind. */
  readonly failed: number
  /** The share of all verifications at all verifiers of the kind that fails: 0 to 1. */
  readonly share: number
  readonly first: Failure | undefined
}

/** The result of a simulation. */
export interface Simulation extends Schedule {
  readonly outcomes: readonly Outcome[]
  /** Seconds from one token of the steady traffic to the next. */
  readonly every: Seconds
}

const START = instant(0)
/** Tokens of the steady traffic. */
const TOKENS = 20_000
/** Seconds: a use this long before an end is in time. */
const INSTANT = 0.001

/**
 * Verifies tokens through a replay with verifiers of every kind: exactly the unluckiest of each kind, not a random one.
 * Each token has the longest lifetime, is made by a clock that is ahead, and is used at once and in its last instant. A
 * commit reaches one replica at once and another after the whole propagation.
 */
export function simulate(wanted: Replay): Simulation {
  const { policy: { timing }, span } = wanted
  const schedule = replay(wanted)
  const every = seconds(Math.max(1, Math.ceil(span / TOKENS)))
  const uses = usesOf(schedule, wanted, every)
  return { ...schedule, every, outcomes: VERIFIER_KINDS.map((kind) => outcomeOf(kind, uses, timing)) }
}

function outcomeOf(kind: VerifierKind, uses: readonly Use[], timing: Timing): Outcome {
  let [tried, failed, sum] = [0, 0, 0]
  let first: Failure | undefined
  for (const use of uses) {
    const window = kind.held(use.usedAt, timing)
    // The verifier has not started yet.
    if (window.from > use.usedAt) continue
    tried += 1
    const held = lackOf(window, use.key, timing)
    if (held === undefined) continue
    const again = kind.refetched === undefined ? undefined : lackOf(kind.refetched(use.usedAt, timing), use.key, timing)
    if (kind.refetched !== undefined && again === undefined) continue
    failed += 1
    sum += held.share * (again?.share ?? 1)
    first ??= { ...use, readAt: held.readAt, refetchedAt: again?.readAt }
  }
  return { kind, tried, failed, share: sum / Math.max(1, tried), first }
}

/** The share of a window in which a read gives a set without the key, and a moment of such a read. */
interface Lack {
  readonly share: number
  readonly readAt: Instant
}

/** Undefined when every read in the window gives a set with the key. */
function lackOf(window: Window, { number, publishedAt, removedAt }: Life, { propagation }: Timing): Lack | undefined {
  // There is no set before the first, and the first set has the first key.
  const [from, to] = [later(window.from, START), window.to]
  const servedAt = number === 1 ? START : after(publishedAt, propagation)
  if (from >= servedAt && to < removedAt) return undefined
  const lacked = Math.max(0, Math.min(servedAt, to) - from) + Math.max(0, to - later(removedAt, from))
  return { share: to === from ? 1 : Math.min(1, lacked / (to - from)), readAt: from < servedAt ? from : to }
}

/** Every use: one token each `every` seconds, and those that both replicas mint as one key replaces another. */
function usesOf({ lives, outages }: Schedule, { policy, span, skew }: Replay, every: Seconds): readonly Use[] {
  const { timing, timing: { propagation, maxTtl, leeway } } = policy
  const silent = outages.map(({ from, to }) => [from + longestView(timing, NO_MARKS), to] as const)
  const isServed = (at: number): boolean => at <= span && !silent.some(([from, to]) => at > from && at < to)
  const lifetime = Math.max(0, skew + maxTtl + leeway - INSTANT)
  const mint = (key: Life, mintedAt: number): readonly Use[] =>
    [0, lifetime].map((age) => ({ key, mintedAt: instant(mintedAt), usedAt: instant(mintedAt + age) }))
  return lives.flatMap((key) => {
    const [begin, end] = [key.activeAt, Math.min(key.retiredAt, span)]
    if (begin === never) return []
    const length = Math.max(0, Math.floor((end - begin) / every))
    const steady = Array.from({ length }, (_, at) => begin + (at + 1) * every)
    const last = key.retiredAt === never ? [] : [key.retiredAt + propagation - INSTANT]
    return [begin, begin + propagation, ...steady, ...last].filter(isServed).flatMap((at) => mint(key, at))
  })
}

/** How long a policy is simulated by default: half a year of weekly rotations. */
export function defaultSpan({ timing }: Policy): Seconds {
  return seconds(26 * timing.interval)
}
