import { sumOf, type Tally } from '../core/tally.ts'
import { after, seconds } from '../core/time.ts'
import { systemClock } from '../system/clock.ts'
import { startTicker } from '../system/ticker.ts'

/** A tally as processes tell it to each other. */
export type Entries = readonly (readonly [string, number])[]

/** What the workers have counted, in the process that starts them. */
export interface Tallies {
  /** Takes what the worker of a seat has counted since its start. */
  readonly take: (seat: number, entries: Entries) => void
  /** Keeps what a worker has counted that ended, and lets its seat begin anew. */
  readonly end: (seat: number) => void
  /** The sum of all, besides what the worker of this seat counts itself. */
  readonly besides: (seat: number) => Entries
}

/** Seconds from one telling to the next: what a worker that is killed has counted since is lost. */
const TELL_EVERY = seconds(1)

/** Adds up what the workers tell, and what is counted here. */
export function gatherTallies(own: Tally): Tallies {
  const live = new Map<number, Tally>()
  let ended: Tally = new Map()
  return {
    take: (seat, entries) => void live.set(seat, new Map(entries)),
    end: (seat) => {
      ended = sumOf([ended, live.get(seat) ?? []])
      live.delete(seat)
    },
    besides: (seat) => [...sumOf([own, ended, ...[...live].filter(([other]) => other !== seat).map(([, tally]) => tally)])],
  }
}

/** Tells the process that started this one what is counted here, and answers the sum of all that it tells back. */
export function shareTally(tally: Tally): () => Tally {
  let others: Entries = []
  process.on('message', (entries: Entries) => others = entries)
  const tell = async (): Promise<void> => {
    // The other process may be gone at any time, and this one will end then.
    if (process.connected) process.send?.([...tally], undefined, undefined, () => {})
  }
  startTicker({ now: systemClock, nextTick: () => after(systemClock(), TELL_EVERY), tick: tell })
  return () => sumOf([tally, others])
}
