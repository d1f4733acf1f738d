import type { Event } from '../core/event.ts'
import { between, type Clock, type Instant } from '../core/time.ts'

/** Events that a request without valid credentials can cause; nobody may fill the disk with them. */
const FOLDED: ReadonlySet<Event['name']> = new Set([
  'client.refused', 'request.refused', 'operator.refused', 'jwks.failed', 'jwks.dropped', 'server.fault',
])
/** So many of each are recorded one by one in a period; the others are counted. */
const MAX_SINGLE_RECORDS = 10
const PERIOD_SECONDS = 60

/** Decides what of an event is recorded. */
export interface Fold {
  /** Whether the event is recorded by itself; otherwise it is counted. */
  readonly admits: (event: Event) => boolean
  /** The counts of the last period, once that is over; all counts if `isLast`. */
  readonly counts: (isLast?: boolean) => readonly Event[]
}

/** Counts what comes too often. */
export function fold(now: Clock): Fold {
  const seen = new Map<Event['name'], number>()
  let begunAt: Instant = now()
  const counts: Fold['counts'] = (isLast = false) => {
    if (!isLast && Math.abs(between(begunAt, now())) < PERIOD_SECONDS) return []
    begunAt = now()
    const over = [...seen].filter(([, times]) => times > MAX_SINGLE_RECORDS)
    seen.clear()
    return over.map(([folded, times]) => ({ name: 'audit.folded', folded, count: times - MAX_SINGLE_RECORDS }))
  }
  return {
    counts,
    admits: ({ name }) => {
      if (!FOLDED.has(name)) return true
      const times = (seen.get(name) ?? 0) + 1
      seen.set(name, times)
      return times <= MAX_SINGLE_RECORDS
    },
  }
}
