import { between, type Clock, type Instant } from '../core/time.ts'

/** What a ticker drives. */
export interface Ticked {
  readonly now: Clock
  readonly nextTick: () => Instant
  /** Never rejects. */
  readonly tick: () => Promise<void>
}

/** Bounds of one wait in seconds: a stepped clock is noticed soon, and no fault makes a busy loop. */
const SHORTEST = 0.05
const LONGEST = 60

/** Calls `tick` when it is due until stopped. Only a hint: whether something is done is decided by stored times. */
export function startTicker({ now, nextTick, tick }: Ticked): () => void {
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  const wait = (): void => {
    if (isStopped) return
    const length = Math.min(Math.max(between(now(), nextTick()), SHORTEST), LONGEST)
    timer = setTimeout(() => void tick().then(wait), length * 1000)
  }
  wait()
  return () => {
    isStopped = true
    clearTimeout(timer)
  }
}
