import cluster, { type Worker } from 'node:cluster'
import type { Config } from '../config/config.ts'
import type { Emit } from '../core/event.ts'
import { between, type Seconds, seconds } from '../core/time.ts'
import { systemClock } from '../system/clock.ts'
import { pause } from '../system/pause.ts'
import type { PrivateSide } from './app.ts'

/** The variable that holds the number of a worker; a process that replaces it has the same. */
const NUMBER = 'JWKSD_WORKER'
/** A worker that ends sooner than this after its start is replaced after a pause. */
const SHORT_LIFE_SECONDS = seconds(10)
const RESTART_SECONDS = seconds(2)
/** Workers that run longer than this after a signal, besides the time to drain, are killed. */
const GRACE_SECONDS = seconds(6)

/** Which of several processes this one is. */
interface Place {
  /** The number of this worker, from 1. */
  readonly worker: number
  /** The configuration of this worker. */
  readonly own: Config
}

/** The place of this worker; undefined in the process that starts the workers. */
export async function takePlace(config: Config, emit: Emit, side?: PrivateSide): Promise<Place | undefined> {
  const worker = ownNumber()
  if (worker === undefined) return void await superviseWorkers(config, emit, side)
  await side?.share()
  return { worker, own: ofWorker(config, worker) }
}

/** Operators ask the first worker, and each worker has an audit log of its own: a chain has one writer. */
function ofWorker(config: Config, worker: number): Config {
  const { audit } = config
  if (worker === 1) return config
  return { ...config, admin: undefined, metrics: undefined, audit: audit && `${audit}.${worker}` }
}

/** The number of this worker, from 1; undefined in the process that starts the workers. */
function ownNumber(): number | undefined {
  if (!cluster.isWorker) return undefined
  // Ctrl-C at a terminal reaches every process; the one that starts the others tells them to end.
  process.on('SIGINT', () => {})
  return Number(process.env[NUMBER])
}

/**
 * Starts workers that share one port, and replaces each that ends, until a signal ends all of them. The first listens
 * before the others start, so that one makes the first keys, and a fault is reported once.
 */
async function superviseWorkers({ workers: count, drain }: Config, emit: Emit, side?: PrivateSide): Promise<void> {
  const workers = new Map<number, Worker>()
  const hearingHangUps = passHangUps()
  const countFor = await side?.gather()
  let [isOpen, isStopping] = [false, false]

  const start = (number: number): Worker => {
    const worker = hearingHangUps(cluster.fork({ [NUMBER]: String(number) }))
    const startedAt = systemClock()
    workers.set(number, worker)
    countFor?.(worker, number)
    worker.once('exit', (code, signal) => {
      workers.delete(number)
      if (isStopping || !isOpen) return
      emit({ name: 'worker.ended', worker: number, code, signal })
      const wait = between(startedAt, systemClock()) < SHORT_LIFE_SECONDS ? RESTART_SECONDS : seconds(0)
      void pause(wait).then(() => isStopping || start(number))
    })
    return worker
  }

  const stop = (signal: string): void => {
    if (isStopping) process.exit(1)
    isStopping = true
    emit({ name: 'server.stopping', signal })
    void stopAll(workers, drain, emit)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)

  const code = await whenOpen(start(1))
  isOpen = true
  if (code !== undefined) return void (process.exitCode = code)
  for (let number = 2; number <= count; number += 1) start(number)
}

/** Passes SIGHUP on to workers, once they listen to those that still start: it could end them sooner. */
function passHangUps(): (worker: Worker) => Worker {
  const open = new Map<number, Worker>()
  let count = 0
  process.on('SIGHUP', () => {
    count += 1
    end(open, 'SIGHUP')
  })
  return (worker) => {
    const known = count
    worker.once('listening', () => {
      open.set(worker.id, worker)
      if (count > known) worker.process.kill('SIGHUP')
    })
    return worker.once('exit', () => open.delete(worker.id))
  }
}

/** Ends all workers in order, by force those that take too long; then this process. */
async function stopAll(workers: ReadonlyMap<number, Worker>, drain: Seconds, emit: Emit): Promise<void> {
  const ended = [...workers.values()].map((worker) => new Promise((resolve) => worker.once('exit', resolve)))
  end(workers, 'SIGTERM')
  await Promise.race([Promise.all(ended), pause(seconds(drain + GRACE_SECONDS))])
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
