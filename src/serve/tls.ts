import type { Config } from '../config/config.ts'
import type { Event } from '../core/event.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { System } from '../core/system.ts'
import { after, between, type Instant, seconds, timestamp } from '../core/time.ts'
import { expiryOf, expiryState, type Pair, pairOf } from '../http/certificate.ts'
import { accepted, tlsServer } from '../http/tls.ts'
import { oneAtATime } from '../keyring/turns.ts'
import { systemClock } from '../system/clock.ts'
import { readPrivate } from '../system/private-file.ts'
import { startTicker } from '../system/ticker.ts'
import type { Tls } from './part.ts'

/** Time between two looks at the files. */
const LOOK_SECONDS = seconds(5)
/** A renewal replaces two files one after the other; it is reported when they do not fit for so long. */
const PATIENCE_SECONDS = 60
/** The keys of session tickets are new so often: whoever has one can read the connections that it resumed. */
const CONTEXT_SECONDS = 86_400
const MAX_PEM_BYTES = 1024 * 1024
const DAY_SECONDS = 86_400

/** The pair in force, and how its files stand. */
interface Held {
  readonly pair: Pair
  readonly usedAt: Instant
  /** How many warnings of its expiry are due. */
  readonly due: number
  readonly failingSince?: Instant
  /** What is wrong with the files, once that has lasted. */
  readonly fault?: string
}

type Files = Pick<Config, 'tlsCert' | 'tlsKey' | 'allowShared'>

/** Reads certificate and key, and again when they change; the failure is a sentence for the operator. */
export async function openTls(files: Files, { now, emit }: Pick<System, 'now' | 'emit'>): Promise<Result<Tls, string>> {
  const first = await judged(files, now())
  if (!first.ok) return first
  let held: Held | undefined
  let use: (pair: Pair) => void = () => {}
  const take = (read: Result<Pair, string>): Held => {
    const next = stepped(held ?? { pair: first.value, usedAt: now(), due: 0 }, read, now())
    for (const event of eventsOf(held, next, { path: files.tlsCert ?? '', now: now() })) emit(event)
    if (held?.usedAt !== next.usedAt) use(next.pair)
    return held = next
  }
  const pair = (): Pair => held?.pair ?? first.value
  const inTurn = oneAtATime()
  const reload = (): Promise<void> => inTurn(async () => void take(await judged(files, now(), pair())))
  let close = (): void => {}
  take(first)
  return ok({
    reload,
    expires: () => pair().expires,
    state: () => expiryState(pair(), now()),
    makeServer: (options, connections) => {
      const made = tlsServer(options, pair(), connections)
      use = made.use
      close = startTicker({ now: systemClock, nextTick: () => after(systemClock(), LOOK_SECONDS), tick: reload })
      return made.server
    },
    close: () => close(),
  })
}

/** What is in force after a look at the files: with a fault, the pair of before. */
function stepped(held: Held, read: Result<Pair, string>, now: Instant): Held {
  const { pair, usedAt, failingSince = now } = held
  if (!read.ok) {
    const hasLasted = between(failingSince, now) >= PATIENCE_SECONDS
    return { pair, usedAt, failingSince, due: expiryOf(pair, now).due, ...hasLasted ? { fault: read.error } : {} }
  }
  const isInUse = read.value === pair && between(usedAt, now) < CONTEXT_SECONDS
  return { pair: read.value, usedAt: isInUse ? usedAt : now, due: expiryOf(read.value, now).due }
}

/** What the log hears: each pair, the beginning of a fault, and each warning of an expiry once. */
function eventsOf(
  before: Held | undefined,
  { pair, due, fault }: Held,
  { path, now }: { readonly path: string; readonly now: Instant },
): readonly Event[] {
  const at = timestamp(pair.expires)
  const days = Math.max(0, Math.floor(expiryOf(pair, now).left / DAY_SECONDS))
  const isFailing = fault !== undefined && before?.fault === undefined
  return [
    ...before?.pair === pair ? [] : [{ name: 'certificate.loaded', path, expires: at } as const],
    ...isFailing ? [{ name: 'certificate.failed', path, detail: fault } as const] : [],
    ...due > (before?.due ?? 0) ? [{ name: 'certificate.expires', path, at, days } as const] : [],
  ]
}

/** The pair in the files; the one that is held if they are as they were. */
async function judged(files: Files, now: Instant, held?: Pair): Promise<Result<Pair, string>> {
  const { tlsCert = '', tlsKey = '' } = files
  const cert = await read(tlsCert, 'read', files)
  const key = await read(tlsKey, 'nothing', files)
  if (!cert.ok) return fail(sentence('certificate', tlsCert, cert.error))
  if (!key.ok) return fail(sentence('private key', tlsKey, key.error))
  if (held?.cert === cert.value && held.key === key.value) return ok(held)
  const found = pairOf(cert.value, key.value, now)
  const pair = found.ok ? accepted(found.value) : found
  if (pair.ok) return pair
  const { file, problem } = pair.error
  return fail(sentence(file, file === 'certificate' ? tlsCert : tlsKey, problem))
}

function sentence(file: string, path: string, problem: string): string {
  return `Cannot use the ${file} in ${path}: ${problem}`
}

async function read(
  path: string,
  othersMay: 'read' | 'nothing',
  { allowShared }: Files,
): Promise<Result<string, string>> {
  const file = await readPrivate(path, { othersMay, allowShared, followsLinks: true, maxBytes: MAX_PEM_BYTES })
  return file.ok ? ok(file.value.toString('latin1')) : fail(file.error.problem)
}
