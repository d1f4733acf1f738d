import type { Emit } from '../core/event.ts'
import { after, between, type Instant, never, type Seconds, seconds } from '../core/time.ts'
import type { Timing } from './policy.ts'
import type { ReplicaDeps } from './replica.ts'
import type { Key, Ring } from './ring.ts'

/** The least that a stamp must lie ahead to be noticed: clocks are adjusted by fractions of a second all the time. */
const JITTER_SECONDS = 1

/** What this process knows about the stamp that decides over a key. */
interface Sight {
  /** When this state of the key began. A stamp ahead counts anew from the moment at which this process found it so. */
  readonly from: Instant
  /** Seconds that the stamp lies ahead of the clock, if that is more than two clocks can differ; else 0. */
  readonly ahead: Seconds
  /** How old the stamp was when this process first saw it, by a clock that may have been wrong. */
  readonly age: Seconds
  /** When this process will have seen the stamp for so long, by a clock that nobody can set. */
  readonly seenFor: (length: Seconds) => Instant
}

/** Looks at the stamp of a key; undefined while it has none. */
export type Watch = (key: Key) => Sight | undefined

/** The stamp of the present state of a key; undefined until a ring with it was seen committed. */
export function stampOf(key: Key): Instant | undefined {
  return key.state === 'standby' ? key.publishedAt : key.state === 'active' ? key.activeAt : key.retiredAt
}

/** When this process first saw a stamp, by both clocks. */
type First = readonly [at: Instant, elapsed: Seconds]

/**
 * A watch that remembers when this process first saw each stamp. `see` notes those of a committed ring, and reports
 * when one lies ahead, and when none does any more.
 */
export function stampWatch(
  { now, elapsed, store, emit }: Pick<ReplicaDeps, 'now' | 'elapsed' | 'store'> & { readonly emit: Emit },
  { clockError }: Timing,
): { readonly watch: Watch; readonly see: (ring: Ring) => void } {
  let wasAhead = false
  let seen: ReadonlyMap<string, First> = new Map()
  const nameOf = (key: Key): string => `${key.jwk.kid} ${stampOf(key)}`
  const firstOf = (key: Key): First => {
    const known = seen.get(nameOf(key))
    // A clock that stepped back since makes the first sight worthless.
    return known === undefined || now() < known[0] - clockError ? [now(), elapsed()] : known
  }
  const watch: Watch = (key) => {
    const stamp = stampOf(key)
    if (stamp === undefined) return undefined
    const [at, start] = firstOf(key)
    const lead = between(now(), stamp)
    const ahead = lead > 2 * clockError + JITTER_SECONDS ? lead : seconds(0)
    return {
      // Between machines nobody knows whose clock is wrong: an operator decides.
      from: ahead === 0 ? stamp : store.isShared === true ? never : at,
      ahead,
      age: seconds(Math.max(0, between(stamp, at))),
      seenFor: (length) => after(now(), seconds(length - (elapsed() - start))),
    }
  }
  const see = (ring: Ring): void => {
    seen = new Map(ring.keys.map((key) => [nameOf(key), firstOf(key)]))
    const ahead = aheadIn(ring, watch)
    if (ahead > 0 && !wasAhead) emit({ name: 'stamps.ahead', seconds: Math.ceil(ahead) })
    if (ahead === 0 && wasAhead) emit({ name: 'stamps.passed' })
    wasAhead = ahead > 0
  }
  return { watch, see }
}

/** Seconds that the furthest stamp of a ring lies ahead of the clock; 0 if none does. */
export function aheadIn({ keys }: Ring, watch: Watch): Seconds {
  return seconds(Math.max(0, ...keys.map((key) => watch(key)?.ahead ?? 0)))
}
