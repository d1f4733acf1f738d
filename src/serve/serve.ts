import type { Config } from '../config/config.ts'
import { refusalOf } from '../config/promise.ts'
import { refusalLines } from '../config/refusal.ts'
import { VERSION } from '../config/version.ts'
import { type Emit, faultEvent } from '../core/event.ts'
import type { System } from '../core/system.ts'
import { count, eventSample, type Tally } from '../core/tally.ts'
import { seconds } from '../core/time.ts'
import { type Listener, listener } from '../http/listener.ts'
import { proof, proofText } from '../keyring/proof.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import { systemClock } from '../system/clock.ts'
import { EXIT, refuse } from '../system/exit.ts'
import { jsonLog, terminalLog } from '../system/log.ts'
import { systemRandom } from '../system/random.ts'
import { startTicker } from '../system/ticker.ts'
import { type App, createApp } from './app.ts'
import { fitThreads } from './threads.ts'

/** Seconds that running requests get to finish; the process is gone within five. */
const GRACE = seconds(4)

/** `jwksd serve`: opens the keyring, listens, and serves until a signal; `said` are the options as they were written. */
export async function serve(config: Config, said: Readonly<Record<string, string>>): Promise<void> {
  fitThreads()
  const isTerminal = process.stdout.isTTY
  const write = (line: string): void => void process.stdout.write(line)
  const log = (isTerminal ? terminalLog : jsonLog)({ least: config.logLevel, now: systemClock, write })
  const tally: Tally = new Map()
  const emit: Emit = (event) => {
    count(tally, eventSample(event))
    log(event)
  }
  // A reader of the log that goes away must not take the server with it.
  process.stdout.on('error', () => {})
  process.on('uncaughtException', (error) => {
    emit(faultEvent(error))
    process.exit(EXIT.software)
  })

  const seat = await takeSeat(config, emit, tally)
  if (seat === undefined) return
  const total = config.workers === 1 ? () => tally : (await import('./tallies.ts')).shareTally(tally)
  const own = atSeat(config, seat)
  const refusal = await refusalOf(config)
  if (refusal !== undefined) refuse(EXIT.config, ...refusalLines(refusal))
  const app = refusal === undefined ? await open(own, { now: systemClock, randomBytes: systemRandom, emit, tally, total }) : undefined
  // A worker would go on waiting for words of the process that started it.
  if (app === undefined) return process.connected ? process.exit() : undefined
  app.emit({ name: 'config.loaded', version: VERSION, settings: said })
  const servers = await listen(own, app)
  if (servers === undefined) return
  const stopTicker = startTicker({ now: systemClock, nextTick: () => app.keyring.nextTick(), tick: app.tick })
  // Before it says that it is there: whoever hears it may send a signal at once.
  untilSignal(servers, stopTicker, app)
  if (seat === 1) await announce(own, app, servers, isTerminal ? write : undefined)
  // Not while it starts, which an RSA key would hold up by a fifth on one core.
  void app.keyring.refill()
}

/** Which of several workers this process is; undefined when it is the one that starts them. */
async function takeSeat({ workers, store }: Config, emit: Emit, tally: Tally): Promise<number | undefined> {
  // Keys in memory cannot be shared.
  if (workers === 1 || store === 'memory:') return 1
  const { ownSeat, superviseWorkers } = await import('./workers.ts')
  const seat = ownSeat()
  if (seat === undefined) await superviseWorkers(workers, emit, tally)
  return seat
}

/** Operators speak to the first worker, and each has an audit log of its own: a chain has one writer. */
function atSeat(config: Config, seat: number): Config {
  const { audit } = config
  return seat === 1 ? config : { ...config, admin: undefined, audit: audit && { ...audit, path: `${audit.path}.${seat}` } }
}

async function open(config: Config, system: System): Promise<App | undefined> {
  try {
    const app = await createApp(config, system)
    if (app.ok) return app.value
    refuse(EXIT.config, app.error)
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error
    refuse(EXIT.unavailable, `Cannot reach the store ${config.store}: ${error.message}`)
  }
  return undefined
}

/** What listens, and where. */
interface Servers {
  readonly url: string
  readonly admin: string
  readonly listeners: readonly Listener[]
}

async function listen(config: Config, app: App): Promise<Servers | undefined> {
  const server = listener({ onFault: (error) => app.emit(faultEvent(error)) })
  const bound = await server.listen(config, app.routerAt)
  if (!bound.ok) return await stop(app, EXIT.unavailable, `Cannot listen on ${config.host}:${config.port}: ${bound.error}`)
  const url = bound.value
  if (config.admin === undefined) return { url, admin: 'off', listeners: [server] }
  const { openAdmin } = await import('./admin-server.ts')
  const admin = await openAdmin(config, config.admin, app)
  if (!admin.ok) return await stop(app, admin.error.code, admin.error.line)
  return { url, admin: admin.value.url, listeners: [server, admin.value.server] }
}

/** Ends with the audit log closed, although keys may still be in the making. */
async function stop({ close, emit }: App, code: number, line: string): Promise<never> {
  refuse(code, line)
  await close().catch((error: unknown) => emit(faultEvent(error)))
  process.exit()
}

async function announce(config: Config, app: App, { url, admin }: Servers, write: ((text: string) => void) | undefined): Promise<void> {
  const { keyring, issuerAt, emit, isDurable, isUnsealed } = app
  const { policy } = keyring
  const lines = proof(policy.timing, keyring.lastSeen().ring.marks)
  const issuer = issuerAt(url)
  if (write === undefined) for (const line of lines) emit({ name: 'policy.proved', line: proofText(line) })
  else write((await import('./banner.ts')).banner({ config, policy, lines, url, issuer, admin, isDurable, isUnsealed }))
  if (!isDurable) emit({ name: 'store.volatile' })
  if (!isDurable && config.workers > 1) emit({ name: 'workers.single', store: config.store })
  if (process.env['UV_THREADPOOL_SIZE'] === '1') emit({ name: 'threads.single' })
  if (isUnsealed) emit({ name: 'keys.unsealed', store: config.store })
  if (config.auth === 'open') emit({ name: 'auth.open', address: config.host })
  const { store, auth, audit } = config
  emit({ name: 'server.listening', url, issuer, store, auth, admin, audit: audit?.path ?? 'off' })
}

/** The first signal ends the servers in order, the second at once. */
function untilSignal({ listeners }: Servers, stopTicker: () => void, { emit, close, reload }: App): void {
  let isStopping = false
  const end = async (signal: string): Promise<void> => {
    emit({ name: 'server.stopping', signal })
    stopTicker()
    await Promise.all(listeners.map((server) => server.close(GRACE)))
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
  if (reload !== undefined) process.on('SIGHUP', () => void reload())
}
