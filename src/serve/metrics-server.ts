import type { NetworkAddress } from '../config/values.ts'
import { faultEvent } from '../core/event.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type Listener, listener } from '../http/listener.ts'
import type { App } from './app.ts'

/** Opens the listener for Prometheus and balancers; the failure is a sentence for the operator. */
export async function openMetrics(
  address: NetworkAddress,
  { metricsRouter, emit }: App,
): Promise<Result<{ readonly url: string; readonly server: Listener }, string>> {
  const server = listener({ onFault: (error) => emit(faultEvent(error)), maxConnections: 64 })
  const bound = await server.listen({ ...address, exclusive: true }, metricsRouter)
  if (bound.ok) return ok({ url: bound.value, server })
  return fail(`Cannot listen for metrics on ${address.host}:${address.port}: ${bound.error}`)
}
