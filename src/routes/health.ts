import { json } from '../http/reply.ts'
import type { Route } from '../http/router.ts'
import type { Health } from '../keyring/keyring.ts'
import type { Current } from './document.ts'

/** Answers as long as the process does. */
export function healthRoute(): Route {
  const alive = json(200, { status: 'alive' })
  return { path: '/healthz', methods: { GET: () => alive }, cors: new Set() }
}

/** Whether this replica may be sent requests: it can sign, and its view of the store is fresh enough to be trusted. */
export function readyRoute({ current, health }: { readonly current: Current; readonly health: () => Health }): Route {
  const get = async () => {
    const snapshot = await current()
    const { ready, inStep, viewAge } = health()
    const isReady = ready && snapshot?.signer() !== undefined
    const store = inStep ? 'in step' : 'out of reach'
    return json(isReady ? 200 : 503, { status: isReady ? 'ready' : 'not ready', store, view_age: Math.round(viewAge) })
  }
  return { path: '/readyz', methods: { GET: get }, cors: new Set() }
}
