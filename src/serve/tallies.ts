import type { Tally } from '../core/tally.ts'
import { sumOf } from '../core/tally-sum.ts'
import { after, seconds } from '../core/time.ts'
import { systemClock } from '../system/clock.ts'
import { startTicker } from '../system/ticker.ts'

/** A tally as processes send it to each other. */
export type Entries = readonly (readonly [string, number])[]

/** What the workers have counted, in the process that starts them. */
export interface Tallies {
  /** Takes what a worker has counted since its start. */
  readonly take: (worker: number, entries: Entries) => void
  /** Keeps what a worker has counted that ended, so that its successor can begin at zero. */
  readonly end: (worker: number) => void
  /** The sum of all, besides what this worker counts itself. */
  readonly besides: (worker: number) => Entries
}

/** Time from one message to the next: a worker that is killed loses what it has counted since the last. */
const SEND_EVERY_SECONDS = seconds(1)

/** Adds up what the workers send, and what is counted here. */
export function gatherTallies(own: Tally): Tallies {
  const live = new Map<number, Tally>()
  let ended: Tally = new Map()
  return {
    take: (worker, entries) => void live.set(worker, new Map(entries)),
    end: (worker) => {
      ended = sumOf([ended, live.get(worker) ?? []])
      live.delete(worker)
    },
    besides: (worker) => {
      const others = [...live].filter(([other]) => other !== worker).map(([, tally]) => tally)
      return [...sumOf([own, ended, ...others])]
    },
  }
}

/** Sends what is counted here to the process that started this one, and answers the sum with all that it sends back. */
export function shareTally(tally: Tally): () => Tally {
  let others: Entries = []
  process.on('message', (entries: Entries) => others = entries)
  // Only what has been sent is shown: what is lost with this process would make its successor count down.
  let sent: Entries = []
  const send = async (): Promise<void> => {
    const entries = [...tally]
    // The other process may be gone at any time, and this one will end then.
    if (process.connected) process.send?.(entries, undefined, undefined, (error) => error ?? (sent = entries))
  }
  // The answer says what others have counted, and a worker before this one.
  void send()
  startTicker({ now: systemClock, nextTick: () => after(systemClock(), SEND_EVERY_SECONDS), tick: send })
  return () => sumOf([sent, others])
}
