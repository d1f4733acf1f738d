import { instant, seconds } from '../../src/core/time.ts'
import type { Kid } from '../../src/jose/jwk.ts'
import { advance, ringDueAt } from '../../src/keyring/advance.ts'
import { believing } from '../../src/keyring/believing.ts'
import { type Policy, type Timing } from '../../src/keyring/policy.ts'
import { activeOf, EMPTY_RING, type Ring, standbyOf } from '../../src/keyring/ring.ts'
import { shapedKey } from '../support/keys.ts'
import type { Seeded } from '../support/random.ts'

/**
 * A world in true time: replicas with wrong clocks run the real rules over one committed ring, learn of commits late,
 * sign with what they know, and are read through caches by verifiers. All times are whole seconds, so that the bounds
 * are met exactly.
 */
export interface World {
  /** What really happens, which the ring's own policy may be wrong about. */
  readonly maxAge: number
  readonly cacheLayers: number
  readonly clockError: number
  readonly maxTtl: number
  readonly leeway: number
  /** Longest time until a replica acts on a commit. */
  readonly delay: number
  readonly policy: Policy
}

interface Commit {
  readonly at: number
  readonly ring: Ring
}

interface Replica {
  /** Seconds that its clock is ahead. */
  readonly error: number
  /** When it comes to act on each commit; never before an earlier one. */
  readonly learns: readonly number[]
}

/** The replicas, and what they committed together. */
interface Fleet {
  readonly history: readonly Commit[]
  readonly replicas: readonly Replica[]
}

/** Outcome of the verifications that were tried in one world. */
export interface Tally {
  readonly trials: number
  /** Each verification of an unexpired token that failed, as a sentence. */
  readonly failures: readonly string[]
}

const ALG = 'ES256'
const ROTATIONS = 4
const TRIALS = 250

/** Runs one world through some rotations, and tries verifications where they are most likely to fail. */
export function simulate(world: World, random: Seeded): Tally {
  const errors = Array.from({ length: random.int(1, 4) }, () => extreme(random, -world.clockError, world.clockError))
  const history = commits(world, errors, random)
  const replicas = errors.map((error): Replica => ({ error, learns: learning(history, world.delay, random) }))
  const failures: string[] = []
  for (let trial = 0; trial < TRIALS; trial += 1) {
    const failure = verifyOnce(world, { history, replicas }, random)
    if (failure !== undefined) failures.push(failure)
  }
  return { trials: TRIALS, failures }
}

/** Every commit that the replicas make, with late ticks, slow writes, slow key generation and outages of the store. */
function commits({ policy }: World, errors: readonly number[], random: Seeded): readonly Commit[] {
  let at = 0
  let ring = advance(EMPTY_RING, { policy, watch: believing, now: instant(at + random.pick(errors)), fresh: [shapedKey(ALG)] }).ring
  const history: Commit[] = [{ at, ring }]
  for (let promotions = 0; promotions <= ROTATIONS;) {
    const due = ringDueAt(ring, { policy, watch: believing })
    const isLacking = standbyOf(ring.keys, ALG) === undefined
    const error = random.pick(errors)
    const wait = Math.max(0, isLacking || due === -Infinity ? 0 : due - error - at)
    at += wait + (random.chance(0.6) ? 0 : random.int(0, 20)) + (random.chance(0.03) ? random.int(0, 50_000) : 0)
    const fresh = random.chance(0.8) ? [shapedKey(ALG)] : []
    const next = advance(ring, { policy, watch: believing, now: instant(at + error), fresh }).ring
    if (next === ring) {
      at += 1
      continue
    }
    at += random.chance(0.6) ? 0 : random.int(0, 10)
    if (activeOf(next.keys, ALG)?.jwk.kid !== activeOf(ring.keys, ALG)?.jwk.kid) promotions += 1
    ring = next
    history.push({ at, ring })
  }
  return history
}

function learning(history: readonly Commit[], delay: number, random: Seeded): readonly number[] {
  const each = history.map(({ at }) => at + extreme(random, 0, delay))
  // A replica that knows a commit knows all before it.
  return each.map((_, index) => Math.min(...each.slice(index)))
}

function verifyOnce(
  { maxAge, cacheLayers, maxTtl, leeway }: World,
  { history, replicas }: Fleet,
  random: Seeded,
): string | undefined {
  const issuer = random.pick(replicas)
  const published = random.pick(replicas)
  const mintedAt = momentOfMint(history, issuer, random)
  const kid = activeOf(viewAt(history, issuer, mintedAt).keys, ALG)?.jwk.kid as Kid
  const expiry = mintedAt + issuer.error + extreme(random, 1, maxTtl)
  // The last whole second in which a verifier with this leeway accepts the token (RFC 7519 section 4.1.4).
  const lastUse = Math.max(mintedAt, expiry + leeway - 1)
  const usedAt = extreme(random, mintedAt, lastUse)
  const age = Math.min(usedAt, extreme(random, 0, cacheLayers * maxAge))
  const known = viewAt(history, published, usedAt - age).keys
  if (known.some(({ jwk }) => jwk.kid === kid)) return undefined
  return `${kid}: minted at ${mintedAt}, used at ${usedAt} against a set ${age} s old`
}

/** Just as a replica begins to sign with another key, just before, or at any time. */
function momentOfMint(history: readonly Commit[], { learns }: Replica, random: Seeded): number {
  const index = random.int(0, history.length - 1)
  const turn = learns[index] as number
  return Math.max(learns[0] as number, random.pick([turn, turn - 1, turn + random.int(0, 2000)]))
}

function viewAt(history: readonly Commit[], { learns }: Replica, at: number): Ring {
  const index = Math.max(0, learns.findLastIndex((known) => known <= at))
  return (history[index] as Commit).ring
}

/** One of the two ends, or anything between. */
function extreme(random: Seeded, least: number, most: number): number {
  return random.pick([least, most, random.int(least, most)])
}

/** How much shorter than their bounds the ring believes lead and retention may be. */
export interface Shortfall {
  readonly lead: number
  readonly retention: number
}

/** A random world with lead and retention at the bounds of (1) and (2), less the shortfall, plus what is spare. */
export function randomWorld(random: Seeded, short: Shortfall, spare = 0): World {
  const cacheLayers = random.int(1, 3)
  const maxAge = random.int(60, 600)
  const clockError = random.pick([0, random.int(1, 90)])
  const propagation = random.int(1, 20)
  const maxTtl = random.int(60, 4000)
  const leeway = random.pick([0, random.int(1, 300)])
  const lead = propagation + cacheLayers * maxAge + 2 * clockError - short.lead + spare
  const retention = propagation + maxTtl + leeway + 3 * clockError - short.retention + spare
  // The ring never goes below what its policy says is least, so to go below the truth it has to be told less than that.
  const timing: Record<keyof Timing, number> = {
    interval: lead + propagation + random.pick([0, random.int(0, 5000)]),
    lead,
    retention,
    maxAge: maxAge - short.lead / cacheLayers,
    ttl: 1,
    maxTtl: maxTtl - short.retention,
    cacheLayers,
    propagation,
    clockError,
    leeway,
  }
  const policy: Policy = { timing: timing as Timing, algs: [ALG], rsaBits: 2048, history: seconds(0) }
  const delay = propagation + (spare > 2 * clockError ? spare : 0)
  return { maxAge, cacheLayers, clockError, maxTtl, leeway, delay, policy }
}
