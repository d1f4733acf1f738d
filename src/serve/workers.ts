import cluster, { type Worker } from 'node:cluster'
import type { Emit } from '../core/event.ts'
import type { Tally } from '../core/tally.ts'
import { between, seconds } from '../core/time.ts'
import { systemClock } from '../system/clock.ts'
import { pause } from '../system/pause.ts'
import { type Entries, gatherTallies, type Tallies } from './tallies.ts'

/** Tells a worker which one it is; kept when another process takes its place. */
const SEAT = 'JWKSD_SEAT'
/** A worker that ends sooner than this many seconds after its start is replaced after a moment. */
const SHORT_LIFE = seconds(10)
const MOMENT = seconds(2)
/** Seconds in which workers end by themselves. */
const PATIENCE = seconds(6)

/** Which of the workers this process is, from 1; undefined for the one that starts them. */
export function ownSeat(): number | undefined {
  if (!cluster.isWorker) return undefined
  // Ctrl-C at a terminal reaches every process; the one that starts the others tells them to end.
  process.on('SIGINT', () => {})
  return Number(process.env[SEAT])
}

/**
 * Starts this program so many times on one port, and replaces each that dies, until a signal ends all of them. The first
 * is there before the others start, so that one of them makes the first keys, and a fault is told once.
 */
export async function superviseWorkers(count: number, emit: Emit, tally: Tally): Promise<void> {
  const workers = new Map<number, Worker>()
  const tallies = gatherTallies(tally)
  let [isOpen, isStopping] = [false, false]

  const start = (seat: number): Worker => {
    const worker = cluster.fork({ [SEAT]: String(seat) })
    const startedAt = systemClock()
    workers.set(seat, worker)
    worker.on('message', (entries: Entries) => {
      tallies.take(seat, entries)
      tellFirst(workers, tallies)
    })
    worker.once('exit', (code, signal) => {
      workers.delete(seat)
      tallies.end(seat)
      if (isStopping || !isOpen) return
      emit({ name: 'worker.ended', worker: seat, code, signal })
      const wait = between(startedAt, systemClock()) < SHORT_LIFE ? MOMENT : seconds(0)
      void pause(wait).then(() => isStopping || start(seat))
    })
    return worker
  }

  const stop = (signal: string): void => {
    if (isStopping) process.exit(1)
    isStopping = true
    void stopAll(workers, signal, emit)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('SIGHUP', () => end(workers, 'SIGHUP'))

  const code = await whenOpen(start(1))
  isOpen = true
  if (code !== undefined) return void (process.exitCode = code)
  for (let seat = 2; seat <= count; seat += 1) start(seat)
}

/** Hands the sum on to the worker that operators ask; it may be gone at any time. */
function tellFirst(workers: ReadonlyMap<number, Worker>, { besides }: Tallies): void {
  workers.get(1)?.send(besides(1), () => {})
}

/** Ends all workers in order, by force those that take too long; then this process. */
async function stopAll(workers: ReadonlyMap<number, Worker>, signal: string, emit: Emit): Promise<void> {
  emit({ name: 'server.stopping', signal })
  const ended = [...workers.values()].map((worker) => new Promise((resolve) => worker.once('exit', resolve)))
  end(workers, 'SIGTERM')
  await Promise.race([Promise.all(ended), pause(PATIENCE)])
  end(workers, 'SIGKILL')
  emit({ name: 'server.stopped' })
  process.exit(0)
}

/** Resolves once a worker listens, or to its exit code if it ends before. */
function whenOpen(worker: Worker): Promise<number | undefined> {
  return new Promise((resolve) => {
    worker.once('listening', () => resolve(undefined))
    worker.once('exit', (code) => resolve(code ?? 1))
  })
}

function end(workers: ReadonlyMap<number, Worker>, signal: NodeJS.Signals): void {
  for (const worker of workers.values()) worker.process.kill(signal)
}
