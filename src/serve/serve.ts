import type { Config, Configured } from '../config/config.ts'
import { refusalOf } from '../config/promise.ts'
import { socketPath } from '../config/values.ts'
import { VERSION } from '../config/version.ts'
import { type Emit, faultEvent } from '../core/event.ts'
import { ok } from '../core/result.ts'
import type { System } from '../core/system.ts'
import { seconds } from '../core/time.ts'
import type { Listener } from '../http/listener.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import { systemClock, systemElapsed } from '../system/clock.ts'
import { EXIT, refuse } from '../system/exit.ts'
import { jsonLog, lineWriter } from '../system/log.ts'
import { systemRandom } from '../system/random.ts'
import { startTicker } from '../system/ticker.ts'
import { announce } from './announce.ts'
import { type App, createApp, type Listening, type PrivateSide } from './app.ts'
import { publicListener } from './public-listener.ts'
import { fitThreads } from './threads.ts'

/**
 * This room turns a configuration into a running server. Read app.ts first (what a server consists of), then this file
 * (how a process starts and ends).
 */

/** Running requests may take this long after a signal; the process ends within five seconds. */
const GRACE_SECONDS = seconds(4)

/** Opens the keyring, listens, and serves until a signal. */
export async function serve({ config, typed, unknown }: Configured): Promise<void> {
  fitThreads()
  // Also where nothing can be read again: otherwise this signal ends the process. What is sent too early counts later.
  let isHungUp = false
  process.on('SIGHUP', () => void (isHungUp = true))
  const log = await openLog(config, (lines) => emit({ name: 'log.dropped', lines }))
  const isPrivate = config.admin !== undefined || config.metrics !== undefined
  const side = isPrivate ? (await import('./private-side.ts')).privateSide(log) : undefined
  const { emit } = side ?? { emit: log }
  process.on('uncaughtException', (error) => {
    emit(faultEvent(error))
    process.exit(EXIT.software)
  })
  // 1. Which worker is this process, if there are several? Keys in memory cannot be shared.
  const place = config.workers === 1 || config.store === 'memory:' ? { worker: 1, own: config }
    : await (await import('./workers.ts')).takePlace(config, emit, side)
  if (place === undefined) return
  const { worker, own } = place
  // 2. Does the promise hold, and can the store be used?
  const clocks = { now: systemClock, elapsed: systemElapsed }
  const app = await open(own, { ...clocks, randomBytes: systemRandom, emit })
  // The channel to the process that started this worker would keep it alive.
  if (app === undefined) return process.connected ? process.exit() : undefined
  app.emit({ name: 'config.loaded', version: VERSION, settings: typed })
  if (worker === 1) for (const variable of unknown) app.emit({ name: 'config.unknown', variable })
  // 3. Listen, and keep the keys up to date.
  const listening = await listen(own, app, side)
  if (listening === undefined) return
  const stopTicker = startTicker({ now: systemClock, nextTick: () => app.keyring.nextTick(), tick: app.tick })
  // Before the announcement: its reader may send a signal at once.
  untilSignal(listening, stopTicker, app)
  if (isHungUp) void app.reload?.()
  if (worker === 1) await announce(own, app, listening)
  // Last: making an RSA key would hold up the start by a fifth on one core.
  void app.keyring.refill()
}

async function openLog({ logLevel: least, audit }: Config, onDropped: (lines: number) => void): Promise<Emit> {
  const { stdout, stderr } = process
  const stream = audit === '-' ? stderr : stdout
  // A reader of the log that goes away must not end the server.
  stream.on('error', () => {})
  const log = stream.isTTY ? (await import('../system/terminal-log.ts')).terminalLog : jsonLog
  return log({ least, now: systemClock, write: lineWriter(stream, onDropped) })
}

async function open(config: Config, system: System): Promise<App | undefined> {
  try {
    const refusal = await refusalOf(config, process)
    if (refusal !== undefined) {
      const { refusalLines } = await import('../config/refusal.ts')
      return void refuse(EXIT.config, ...refusalLines(refusal))
    }
    const app = await createApp(config, system)
    if (app.ok) return app.value
    refuse(EXIT.config, app.error)
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error
    refuse(EXIT.unavailable, `Cannot reach the store ${config.store}: ${error.message}`)
  }
  return undefined
}

async function listen(config: Config, app: App, side: PrivateSide | undefined): Promise<Listening | undefined> {
  const { host, port } = config
  // The public address comes last: with it, a worker counts as started, and would be replaced when it ends.
  const others = await side?.listen(config, app) ?? ok({ admin: 'off', metrics: 'off', listeners: [] })
  if (!others.ok) return await stop(app, others.error, [])
  const { listeners } = others.value
  const onFault = (error: unknown): void => app.emit(faultEvent(error))
  const hooks = { onFault, onReply: side?.onReplyOf(app), makeServer: app.tls?.makeServer }
  const server = await publicListener(config, hooks)
  const bound = await server.listen(config, app.routerAt)
  const place = socketPath(host) ?? `${host}:${port}`
  if (!bound.ok) return await stop(app, `Cannot listen on ${place}: ${bound.error}`, listeners)
  return { ...others.value, url: bound.value, listeners: [server, ...listeners] }
}

/** Ends without an address to listen on, with the audit log closed, although keys may still be in the making. */
async function stop({ close, emit }: App, line: string, listeners: readonly Listener[]): Promise<never> {
  refuse(EXIT.unavailable, line)
  await Promise.all(listeners.map((server) => server.close(seconds(0))))
  await close().catch((error: unknown) => emit(faultEvent(error)))
  process.exit()
}

/** The first signal ends the server in order, the second at once. */
function untilSignal({ listeners }: Listening, stopTicker: () => void, { emit, close, reload, drain }: App): void {
  let isStopping = false
  const end = async (signal: string): Promise<void> => {
    emit({ name: 'server.stopping', signal })
    await drain()
    stopTicker()
    await Promise.all(listeners.map((server) => server.close(GRACE_SECONDS)))
    emit({ name: 'server.stopped' })
    await close().catch((error: unknown) => emit(faultEvent(error)))
    process.exit(0)
  }
  const onSignal = (signal: string): void => {
    if (isStopping) process.exit(1)
    isStopping = true
    void end(signal)
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  process.on('SIGHUP', () => void reload?.())
}
