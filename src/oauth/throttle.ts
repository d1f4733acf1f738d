import { after, between, type Clock, type Instant, type Seconds, seconds } from '../core/time.ts'
import { sha256 } from '../jose/digest.ts'

/** Counts a failed attempt under a name; returns the seconds to wait when there were too many before. */
export type Throttle = (name: string) => Seconds | undefined

/** After this many failures in one window a name must wait for the end of the window. */
const MAX_FAILURES = 10
const WINDOW_SECONDS = seconds(60)
/** Names that are remembered at most: the latest. */
const MAX_NAMES = 10_000

/** A throttle in memory. */
export function throttle(now: Clock): Throttle {
  const failures = new Map<string, { readonly count: number; readonly until: Instant }>()
  return (name) => {
    // A stranger chooses the name, and with it how much would be remembered.
    const key = sha256(name)
    const found = failures.get(key)
    const isOpen = found !== undefined && found.until > now()
    const { count, until } = isOpen ? found : { count: 0, until: after(now(), WINDOW_SECONDS) }
    if (count >= MAX_FAILURES) return seconds(Math.max(1, Math.ceil(between(now(), until))))
    failures.delete(key)
    failures.set(key, { count: count + 1, until })
    const [oldest] = failures.keys()
    if (failures.size > MAX_NAMES && oldest !== undefined) failures.delete(oldest)
    return undefined
  }
}
