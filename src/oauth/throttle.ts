import { type Clock, type Instant, type Seconds, seconds } from '../core/time.ts'

/** Counts failed attempts, so that guessing is slow. */
export interface Throttle {
  /** Seconds to wait before the next attempt under this name counts; undefined when there is nothing to wait for. */
  readonly wait: (name: string) => Seconds | undefined
  readonly failed: (name: string) => void
}

/** Failures within `WINDOW` seconds before a name has to wait until it is over; names that are remembered at most. */
const ALLOWED = 10
const WINDOW = 60
const MOST_NAMES = 10_000

/** A throttle that remembers a bounded number of names, the latest ones. */
export function throttle(now: Clock): Throttle {
  const failures = new Map<string, { count: number; readonly until: Instant }>()
  const current = (name: string): { count: number; readonly until: Instant } | undefined => {
    const found = failures.get(name)
    if (found === undefined || found.until > now()) return found
    failures.delete(name)
    return undefined
  }
  return {
    wait: (name) => {
      const found = current(name)
      return found !== undefined && found.count >= ALLOWED ? seconds(Math.max(1, Math.ceil(found.until - now()))) : undefined
    },
    failed: (name) => {
      const found = current(name) ?? { count: 0, until: (now() + WINDOW) as Instant }
      found.count += 1
      failures.set(name, found)
      const [oldest] = failures.keys()
      if (failures.size > MOST_NAMES && oldest !== undefined) failures.delete(oldest)
    },
  }
}
