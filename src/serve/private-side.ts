import { VERSION } from '../config/version.ts'
import type { Emit } from '../core/event.ts'
import { ok } from '../core/result.ts'
import { counting, replyCounter, type Tally } from '../core/tally.ts'
import { seconds } from '../core/time.ts'
import type { Handler } from '../http/call.ts'
import { metrics as answerMetrics } from '../routes/metrics.ts'
import type { App, PrivateSide } from './app.ts'

const OFF = ok({ url: 'off', listeners: [] })

/** What a server has besides its public address, with `--admin` or `--metrics`. */
export function privateSide(log: Emit): PrivateSide {
  const tally: Tally = new Map()
  let total = (): Tally => tally
  return {
    emit: counting(tally, log),
    onReplyOf: ({ paths }) => replyCounter(tally, paths),
    gather: async () => (await import('./tallies.ts')).gatherTallies(tally),
    share: async () => {
      total = (await import('./tallies.ts')).shareTally(tally)
    },
    listen: async ({ admin, metrics }, app) => {
      const shown = metricsOf(app, () => total())
      const operators = admin === undefined ? OFF
        : await (await import('./admin-server.ts')).openAdmin(admin, { ...app, metrics: shown })
      if (!operators.ok) return operators
      const scrapes = metrics === undefined ? OFF
        : await (await import('./metrics-server.ts')).openMetrics(metrics, { ...app, metrics: shown })
      if (!scrapes.ok) await Promise.all(operators.value.listeners.map((server) => server.close(seconds(0))))
      if (!scrapes.ok) return scrapes
      const listeners = [...operators.value.listeners, ...scrapes.value.listeners]
      return ok({ admin: operators.value.url, metrics: scrapes.value.url, listeners })
    },
  }
}

/** The metrics. */
export function metricsOf(app: App, total: () => Tally): Handler {
  const build = { version: VERSION, node: process.version.slice(1) }
  return (call) => answerMetrics(call, { ...app, total, build })
}
