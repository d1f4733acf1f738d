import type { Config } from '../config/config.ts'
import { socketPath } from '../config/values.ts'
import { proof, proofText } from '../keyring/proof.ts'
import type { App, Listening } from './app.ts'

/** Reports that the server listens, and what an operator should know: as a banner at a terminal, else as events. */
export async function announce(config: Config, app: App, listening: Listening): Promise<void> {
  const { keyring, issuerAt, emit, isDurable, isUnsealed } = app
  const { store, auth, isPublic, audit, host, workers } = config
  const { url, admin, metrics } = listening
  const { policy } = keyring
  const lines = proof(policy.timing, keyring.lastSeen().ring.marks).map(proofText)
  const isLog = !process.stdout.isTTY || audit === '-'
  if (isLog) for (const line of lines) emit({ name: 'policy.proved', line })
  else process.stdout.write((await import('./banner.ts')).banner(config, app, { url, admin, metrics, lines }))
  if (!isDurable) emit({ name: 'store.volatile' })
  if (!isDurable && workers > 1) emit({ name: 'workers.single', store })
  if (process.env['UV_THREADPOOL_SIZE'] === '1') emit({ name: 'threads.single' })
  const mixed = policy.algs.length > 1 ? (await import('../keyring/mixed.ts')).mixedIn(policy) : []
  if (mixed.length > 0) emit({ name: 'keys.mixed', algs: mixed })
  const isShared = socketPath(host) !== undefined && config.clients !== undefined
  if (isShared && config.trustedProxies?.includes('unix') !== true) emit({ name: 'proxies.untrusted', address: host })
  if (isUnsealed) emit({ name: 'keys.unsealed', store })
  if (auth !== 'off' && isPublic) emit({ name: 'auth.open', address: host })
  emit({ name: 'server.listening', url, issuer: issuerAt(url), store, auth, admin, metrics, audit: audit ?? 'off' })
}
