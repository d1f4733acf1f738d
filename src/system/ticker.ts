import { between, type Clock, type Instant } from '../core/time.ts'

/** What a ticker drives. */
export interface Ticked {
  readonly now: Clock
  readonly nextTick: () => Instant
  /** Never rejects. */
  readonly tick: () => Promise<void>
}

/** Bounds of one wait: a stepped clock is noticed soon, and no fault makes a busy loop. */
const MIN_WAIT_SECONDS = 0.05
const MAX_WAIT_SECONDS = 60

/** Calls `tick` when it is due; answers the function that stops it. Only a hint: stored times decide what is done. */
export function startTicker({ now, nextTick, tick }: Ticked): () => void {
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  const wait = (): void => {
    if (isStopped) return
    const length = Math.min(Math.max(between(now(), nextTick()), MIN_WAIT_SECONDS), MAX_WAIT_SECONDS)
    timer = setTimeout(() => void tick().then(wait), length * 1000)
  }
  wait()
  return () => {
    isStopped = true
    clearTimeout(timer)
  }
}
