import { timestamp } from '../core/time.ts'
import { json } from '../http/reply.ts'
import type { Route } from '../http/router.ts'
import type { Keyring } from '../keyring/keyring.ts'
import type { Ring } from '../keyring/ring.ts'
import type { Current, Snapshot } from '../keyring/snapshot.ts'

/** Answers as long as the process does. */
export function healthRoute(): Route {
  const alive = json(200, { status: 'alive' })
  return { path: '/healthz', methods: { GET: () => alive }, cors: 'unreadable' }
}

/** What the readiness of a replica is made of. */
export interface ReadyDeps {
  readonly current: Current
  readonly health: Keyring['health']
  /** How the private halves of a ring are kept. */
  readonly keys: (ring: Ring) => 'sealed' | 'unsealed' | 'in memory'
  /** Whether the server waits until balancers send no more requests. */
  readonly isDraining: () => boolean
  /** How the certificate stands; undefined without TLS. */
  readonly certificate: () => 'valid' | 'expires soon' | 'expired' | undefined
  readonly audit: () => 'off' | 'written' | 'failing' | 'failing and required'
}

/** Whether this replica may be sent requests: it can sign, and its view of the store is fresh enough to be trusted. */
export function readyRoute({ current, health, keys, isDraining, certificate, audit }: ReadyDeps): Route {
  const get = async () => {
    const snapshot = await current()
    const { ready, inStep, viewAge, ahead } = health()
    const records = audit()
    const canSign = ready && snapshot?.signers.get(undefined) !== undefined && records !== 'failing and required'
    const isReady = canSign && !isDraining()
    const isExpiring = (certificate() ?? 'valid') !== 'valid'
    const readiness = records === 'failing' || ahead > 0 || isExpiring ? 'degraded' : 'ready'
    return json(isReady ? 200 : 503, {
      status: isDraining() ? 'draining' : isReady ? readiness : 'not ready',
      store: inStep ? 'in step' : 'out of reach',
      view_age: Math.round(viewAge),
      stamps: ahead > 0 ? `${Math.ceil(ahead)} s ahead of the clock` : undefined,
      signs_at: signsAt(snapshot),
      keys: snapshot === undefined ? undefined : keys(snapshot.ring),
      certificate: certificate(),
      audit: records,
    })
  }
  return { path: '/readyz', methods: { GET: get }, cors: 'unreadable' }
}

/** When a key signs again after an older ring was accepted; undefined while one does. */
function signsAt(snapshot: Snapshot | undefined): string | undefined {
  const { restored } = snapshot?.ring ?? {}
  const signs = snapshot?.signers.get(undefined) !== undefined
  return restored === undefined || signs ? undefined : timestamp(restored.signsAt)
}
