import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after } from 'node:test'
import { type App, createApp } from '../../src/serve/app.ts'
import { publicListener } from '../../src/serve/public-listener.ts'
import { parseConfig } from '../../src/config/config.ts'
import type { Event } from '../../src/core/event.ts'
import { type Instant, instant, seconds } from '../../src/core/time.ts'
import type { Listener } from '../../src/http/listener.ts'
import type { Reply } from '../../src/http/reply.ts'
import { type Router, router } from '../../src/http/router.ts'
import { adminRoutes } from '../../src/routes/admin.ts'
import { metricsRouter } from '../../src/serve/metrics-server.ts'
import { metricsOf } from '../../src/serve/private-side.ts'
import { replyCounter } from '../../src/core/tally.ts'
import { assertCleanLog, assertNoPrivateMember } from './leak.ts'
import { assertNothingUncaught } from './uncaught.ts'

/** A whole server in this process, on a real socket, whose clock the test holds. */
export interface RunningApp {
  readonly url: string
  readonly port: number
  readonly app: App
  /** Everything that a log would have received. */
  readonly events: readonly Event[]
  readonly faults: readonly unknown[]
  readonly now: () => Instant
  /** What operators reach on their socket, and Prometheus on its listener. */
  readonly adminRouter: () => Router
  readonly metricsRouter: () => Router
  /** Moves the clock and waits until no key is in the making; a negative length steps it back. */
  readonly pass: (length: number) => Promise<void>
  readonly close: () => Promise<void>
}

const running = new Set<Listener>()
// A test that fails leaves its server open, and an open server would keep the run from ending.
after(() => Promise.all([...running].map((server) => server.close(seconds(0)))))

/** Starts a server as `node dist/server.js ARGS` would, on a free port and an injected clock. */
export function startApp(...args: readonly string[]): Promise<RunningApp> {
  return startAppAt(1_800_000_000, args)
}

/** The same on a clock that begins at `start`, in seconds since the epoch. */
export async function startAppAt(start: number, args: readonly string[]): Promise<RunningApp> {
  const parsed = parseConfig({ args: ['--port', '0', ...args], env: {}, inFile: () => [] })
  assert.ok(parsed.ok, JSON.stringify(parsed))
  const { config } = parsed.value
  let now = instant(start)
  let elapsed = seconds(0)
  const events: Event[] = []
  const faults: unknown[] = []
  const tally = new Map<string, number>()
  const created = await createApp(config, {
    now: () => now,
    elapsed: () => elapsed,
    randomBytes: (length) => new Uint8Array(randomBytes(length)),
    emit: (event) => events.push(event),
  })
  assert.ok(created.ok, JSON.stringify(created))
  const app = created.value
  const hooks = { onFault: (error: unknown) => void faults.push(error), onReply: replyCounter(tally, app.paths) }
  const server = await publicListener(config, hooks)
  running.add(server)
  const bound = await server.listen(config, (url) => watched(app.routerAt(url)))
  assert.ok(bound.ok, JSON.stringify(bound))
  await app.keyring.refill()
  const metrics = metricsOf(app, () => tally)
  const url = bound.value
  return {
    url,
    port: Number(new URL(url).port),
    app,
    events,
    faults,
    now: () => now,
    adminRouter: () => router(adminRoutes({ ...app, metrics })),
    metricsRouter: () => metricsRouter({ ...app, metrics }),
    pass: async (length) => {
      now = instant(now + length)
      elapsed = seconds(elapsed + Math.max(0, length))
      await app.keyring.current()
      await app.keyring.refill()
    },
    close: async () => {
      running.delete(server)
      await server.close(seconds(1))
      assertCleanLog(JSON.stringify(events), 'the log')
      assertNothingUncaught()
    },
  }
}

/** Scans every answer of every test for private members (RFC 7517 section 9.2). */
function watched({ find, takesBodies }: Router): Router {
  const scanned = (answer: Reply): Reply => {
    assertNoPrivateMember(Buffer.from(answer.body).toString(), 'an answer')
    return answer
  }
  return {
    takesBodies,
    find: (method, path) => {
      const found = find(method, path)
      if ('refusal' in found) return found
      return {
        handler: (call) => {
          const answer = found.handler(call)
          return answer instanceof Promise ? answer.then(scanned) : scanned(answer)
        },
      }
    },
  }
}

/** The members of a compact JWS, decoded without any check. */
export function decodeToken(token: string): { header: Record<string, unknown>; claims: Record<string, unknown> } {
  const [header, claims] = token.split('.').slice(0, 2).map((part) =>
    JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Record<string, unknown>)
  assert.ok(header !== undefined && claims !== undefined)
  return { header, claims }
}
