import type { NetworkAddress } from '../config/values.ts'
import { faultEvent } from '../core/event.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { Handler } from '../http/call.ts'
import { type Listener, listener } from '../http/listener.ts'
import { type Router, router } from '../http/router.ts'
import { healthRoute } from '../routes/health.ts'
import type { App } from './app.ts'

/** What Prometheus reaches. */
type MetricsApp = Pick<App, 'emit' | 'ready'> & { readonly metrics: Handler }

/** Opens the listener for Prometheus and balancers; the failure is a sentence for the operator. */
export async function openMetrics(
  address: NetworkAddress,
  app: MetricsApp,
): Promise<Result<{ readonly url: string; readonly listeners: readonly Listener[] }, string>> {
  const server = listener({ onFault: (error) => app.emit(faultEvent(error)), maxConnections: 64 })
  const bound = await server.listen({ ...address, exclusive: true }, () => metricsRouter(app))
  if (bound.ok) return ok({ url: bound.value, listeners: [server] })
  return fail(`Cannot listen for metrics on ${address.host}:${address.port}: ${bound.error}`)
}

/** The routes for Prometheus and for balancers, which change nothing. */
export function metricsRouter({ ready, metrics }: MetricsApp): Router {
  return router([healthRoute(), ready, { path: '/metrics', methods: { GET: metrics }, cors: 'unreadable' }])
}
