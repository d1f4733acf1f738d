import { type App, createApp, refusalOf, type System } from '../app.ts'
import type { Config } from '../config.ts'
import { faultEvent } from '../core/event.ts'
import { seconds } from '../core/time.ts'
import { type Listener, listener } from '../http/listener.ts'
import { proof, proofText } from '../keyring/policy.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import { systemClock } from '../system/clock.ts'
import { jsonLog, terminalLog } from '../system/log.ts'
import { systemRandom } from '../system/random.ts'
import { startTicker } from '../system/ticker.ts'
import { banner } from './banner.ts'
import { EXIT, refuse } from './exit.ts'
import { refusalLines } from './refusal.ts'

/** Seconds that running requests get to finish; the process is gone within five. */
const GRACE = seconds(4)

/** `jwksd serve`: opens the keyring, listens, and serves until a signal. */
export async function serve(config: Config): Promise<void> {
  const isTerminal = process.stdout.isTTY
  const write = (line: string): void => void process.stdout.write(line)
  const log = isTerminal ? terminalLog : jsonLog
  const system: System = {
    now: systemClock,
    randomBytes: systemRandom,
    emit: log({ least: config.logLevel, now: systemClock, write }),
  }
  // A reader of the log that goes away must not take the server with it.
  process.stdout.on('error', () => {})
  process.on('uncaughtException', (error) => {
    system.emit(faultEvent(error))
    process.exit(EXIT.software)
  })

  const refusal = await refusalOf(config)
  if (refusal !== undefined) return refuse(EXIT.config, ...refusalLines(refusal))
  const app = await open(config, system)
  if (app === undefined) return
  const server = listener({ onFault: (error) => system.emit(faultEvent(error)) })
  const bound = await server.listen(config.host, config.port, app.routerAt)
  if (!bound.ok) return stop(EXIT.unavailable, `Cannot listen on ${config.host}:${config.port}: ${bound.error}`)
  const stopTicker = startTicker({
    now: system.now,
    nextTick: () => app.keyring.nextTick(),
    tick: () => app.keyring.tick(),
  })
  // Before it says that it is there: whoever hears it may send a signal at once.
  untilSignal(server, stopTicker, system)
  announce(config, app, bound.value.url, system, isTerminal ? write : undefined)
}

async function open(config: Config, system: System): Promise<App | undefined> {
  try {
    const app = await createApp(config, system)
    if (app.ok) return app.value
    refuse(EXIT.config, `Cannot use the keys in ${config.store}: ${app.error.message} (${app.error.code})`)
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error
    refuse(EXIT.unavailable, `Cannot reach the store ${config.store}: ${error.message}`)
  }
  return undefined
}

/** Ends at once, although keys may still be in the making. */
function stop(code: number, line: string): never {
  refuse(code, line)
  process.exit()
}

function announce(
  config: Config,
  { keyring, issuerAt, isDurable }: App,
  url: string,
  { emit }: System,
  write: ((text: string) => void) | undefined,
): void {
  const { policy } = keyring
  const lines = proof(policy.timing, keyring.marks())
  if (write === undefined) for (const line of lines) emit({ name: 'policy.proved', line: proofText(line) })
  else write(banner({ config, policy, lines, url, issuer: issuerAt(url), isDurable }))
  if (!isDurable) emit({ name: 'store.volatile' })
  if (config.auth === 'open') emit({ name: 'auth.open', address: config.host })
  emit({ name: 'server.listening', url, issuer: issuerAt(url), store: config.store, auth: config.auth })
}

/** The first signal ends the server in order, the second at once. */
function untilSignal(server: Listener, stopTicker: () => void, { emit }: System): void {
  let isStopping = false
  const onSignal = (signal: string): void => {
    if (isStopping) process.exit(1)
    isStopping = true
    emit({ name: 'server.stopping', signal })
    stopTicker()
    void server.close(GRACE).then(() => {
      emit({ name: 'server.stopped' })
      process.exit(0)
    })
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}
