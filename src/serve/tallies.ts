import { sumOf, type Tally } from '../core/tally.ts'
import { after, seconds } from '../core/time.ts'
import { systemClock } from '../system/clock.ts'
import { startTicker } from '../system/ticker.ts'
import type { Messenger } from './app.ts'

/** A tally as processes send it to each other. */
type Entries = readonly (readonly [string, number])[]

/** Time from one message to the next: a worker that is killed loses what it has counted since the last. */
const SEND_EVERY_SECONDS = seconds(1)

/** Adds up what is counted here and in the workers, also in those that ended, and tells the first, which is asked. */
export function gatherTallies(own: Tally): (worker: Messenger, number: number) => void {
  const live = new Map<number, Tally>()
  let ended: Tally = new Map()
  let first: Messenger | undefined
  return (worker, number) => {
    if (number === 1) first = worker
    worker.on('message', (entries: Entries) => {
      live.set(number, new Map(entries))
      const others = [...live].filter(([other]) => other !== 1).map(([, tally]) => tally)
      // It may have ended at any time.
      first?.send([...sumOf([own, ended, ...others])], () => {})
    })
    // Its successor begins at zero.
    worker.once('exit', () => {
      ended = sumOf([ended, live.get(number) ?? []])
      live.delete(number)
    })
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
