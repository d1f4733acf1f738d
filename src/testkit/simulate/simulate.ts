import { after, type Instant, instant, later, never, type Seconds, seconds } from '../../core/time.ts'
import { longestView, NO_MARKS, type Policy, type Timing } from '../../keyring/policy.ts'
import { type Life, replay, type Replay, type Schedule } from './schedule.ts'
import { VERIFIER_KINDS, type VerifierKind, type Window } from './verifier-kinds.ts'

/** One use of one token. */
export interface Use {
  readonly key: Life
  readonly mintedAt: Instant
  readonly usedAt: Instant
}

/** A use that fails, with when the set was read at its source that the unluckiest verifier goes by. */
export interface Failure extends Use {
  readonly readAt: Instant
  /** The same for the set that it gets because of the unknown kid; undefined when it does not try. */
  readonly refetchedAt: Instant | undefined
}

/** How verifiers of one kind fared. */
export interface Outcome {
  readonly kind: VerifierKind
  readonly tried: number
  /** Verifications that fail at the unluckiest verifier of the kind. */
  readonly failed: number
  /** Of all verifications at all verifiers of the kind, the part that fails: 0 to 1. */
  readonly share: number
  readonly first: Failure | undefined
}

/** Everything that was simulated. */
export interface Simulation extends Schedule {
  readonly outcomes: readonly Outcome[]
  /** Seconds from one token of the steady traffic to the next. */
  readonly every: Seconds
}

const START = instant(0)
/** Tokens of the steady traffic. */
const TOKENS = 20_000
/** Nothing happens within it: what is used so much before its end is used in time. */
const INSTANT = 0.001

/**
 * Lets verifiers of every kind verify tokens through a replay: the unluckiest of each, exactly, not by chance. Each
 * token lives as long as any may, is made by a clock that is ahead, and is used at once and in its last instant. A
 * commit reaches one replica at once and another after the whole propagation.
 */
export function simulate(trial: Replay): Simulation {
  const { policy, span, skew } = trial
  const { timing } = policy
  const schedule = replay(trial)
  const every = seconds(Math.max(1, Math.ceil(span / TOKENS)))
  const uses = usesOf(schedule, timing, span, skew, every)
  return { ...schedule, every, outcomes: VERIFIER_KINDS.map((kind) => outcomeOf(kind, uses, timing)) }
}

function outcomeOf(kind: VerifierKind, uses: readonly Use[], timing: Timing): Outcome {
  let [tried, failed, sum] = [0, 0, 0]
  let first: Failure | undefined
  for (const use of uses) {
    const window = kind.held(use.usedAt, timing)
    // It had not started yet.
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

/** How much of the window reads a set without the key, and a moment that does; undefined when none does. */
function lackOf(window: Window, { number, publishedAt, removedAt }: Life, { propagation }: Timing): { readonly share: number; readonly readAt: Instant } | undefined {
  // There is no set before the first, and no first set without the first key.
  const [from, to] = [later(window.from, START), window.to]
  const servedAt = number === 1 ? START : after(publishedAt, propagation)
  if (from >= servedAt && to < removedAt) return undefined
  const lacked = Math.max(0, Math.min(servedAt, to) - from) + Math.max(0, to - later(removedAt, from))
  return { share: to === from ? 1 : Math.min(1, lacked / (to - from)), readAt: from < servedAt ? from : to }
}

/** Every use that is tried: steady traffic, and what both replicas mint around each turn from one key to the next. */
function usesOf({ lives, outages }: Schedule, timing: Timing, span: Seconds, skew: Seconds, every: Seconds): readonly Use[] {
  const { propagation, maxTtl, leeway } = timing
  const silent = outages.map(({ from, to }) => [from + longestView(timing, NO_MARKS), to] as const)
  const isServed = (at: number): boolean => at <= span && !silent.some(([from, to]) => at > from && at < to)
  const mint = (key: Life, mintedAt: number): readonly Use[] => {
    const uses = [mintedAt, Math.max(mintedAt, mintedAt + skew + maxTtl + leeway - INSTANT)]
    return isServed(mintedAt) ? uses.map((usedAt) => ({ key, mintedAt: instant(mintedAt), usedAt: instant(usedAt) })) : []
  }
  return lives.flatMap((key) => {
    const [begin, end] = [key.activeAt, Math.min(key.retiredAt, span)]
    if (begin === never) return []
    const steady = Array.from({ length: Math.max(0, Math.floor((end - begin) / every)) }, (_, at) => begin + (at + 1) * every)
    const atTheEnd = key.retiredAt === never ? [] : [key.retiredAt + propagation - INSTANT]
    return [begin, begin + propagation, ...steady, ...atTheEnd].flatMap((at) => mint(key, at))
  })
}

/** How long a policy is simulated when nothing is said: half a year of weekly rotations. */
export function usualSpan({ timing }: Policy): Seconds {
  return seconds(26 * timing.interval)
}
