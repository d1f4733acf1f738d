import type { Config } from '../config/config.ts'
import type { Emit } from '../core/event.ts'
import { type Issuer, issuerOf, jwksPaths, metadataPaths } from '../core/issuer.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { System } from '../core/system.ts'
import type { Listener } from '../http/listener.ts'
import { type Route, type Router, router } from '../http/router.ts'
import { ALGORITHMS } from '../jose/algorithm.ts'
import { UNSEALED } from '../jose/kek.ts'
import { Keyring } from '../keyring/keyring.ts'
import type { Ring } from '../keyring/ring.ts'
import type { RingStore } from '../keyring/store.ts'
import { healthRoute, type ReadyDeps, readyRoute } from '../routes/health.ts'
import { type HistoryDeps, historyRoute } from '../routes/history.ts'
import { jwksRoute } from '../routes/jwks.ts'
import { metadataRoute } from '../routes/metadata.ts'
import { loadKeks } from '../stores/keks.ts'
import { openStores } from '../stores/open.ts'
import { pause } from '../system/pause.ts'
import type { Part, PartDeps, Recorder, Tls } from './part.ts'

/** A server that holds its keys and knows its routes, but listens nowhere yet. */
export interface App extends PartDeps {
  /** Whether the keys outlive the process. */
  readonly isDurable: boolean
  /** Whether everybody who can read the store can open its keys. */
  readonly isUnsealed: boolean
  /** The routes for the URL at which the server turns out to listen. */
  readonly routerAt: (url: string) => Router
  /** The paths of the public address, once it has a router. */
  readonly paths: ReadonlySet<string>
  /** `/readyz`. */
  readonly ready: Route
  /** The certificate of the public address; undefined without TLS. */
  readonly tls: Tls | undefined
  /** Whether everything so far is in the audit log; true without one. */
  readonly recorded: () => Promise<boolean>
  readonly issuerAt: (url: string) => string
  /** Brings the keys and the audit log up to date; never rejects. */
  readonly tick: () => Promise<void>
  /** Reads again what operators may change while the server runs; undefined when nothing can be read again. */
  readonly reload: (() => Promise<void>) | undefined
  /** Serves for a while without being ready, so that balancers send no more. */
  readonly drain: () => Promise<void>
  /** Closes the audit log. */
  readonly close: () => Promise<void>
}

/** Where a server listens. */
export interface Listening {
  readonly url: string
  /** Where operators reach it, or `off`. */
  readonly admin: string
  /** Where Prometheus reaches it, or `off`. */
  readonly metrics: string
  readonly listeners: readonly Listener[]
}

/** What operators and Prometheus reach, and what is counted for them: nobody else reads it. */
export interface PrivateSide {
  /** Counts an event, and emits it. */
  readonly emit: Emit
  /** Counts the responses of the public address. */
  readonly onReplyOf: (app: App) => (path: string, status: number) => void
  /** Counts for all workers: in the process that starts them, and in each of them. */
  readonly gather: () => Promise<(worker: Messenger, number: number) => void>
  readonly share: () => Promise<void>
  /** Opens the listeners; the failure is a sentence for the operator. */
  readonly listen: (config: Config, app: App) => Promise<Result<Omit<Listening, 'url'>, string>>
}

/** Another process, as far as messages go. */
export type Messenger = NodeJS.EventEmitter & { readonly send: (message: object, done: () => void) => unknown }

/**
 * Opens the store and the keyring, and wires the routes; rooms that the configuration does not use stay unloaded. The
 * failure is a sentence for the operator.
 */
export async function createApp(config: Config, system: System): Promise<Result<App, string>> {
  // 1. The certificate, which makes nothing; the store, and the keys that open it
  const tls = config.tlsCert === undefined ? undefined : await (await import('./tls.ts')).openTls(config, system)
  if (tls?.ok === false) return tls
  const keks = await loadKeks(config, system.randomBytes)
  if (!keks.ok) return keks
  const { ring: store, openJtis } = await openStores(config, system)
  // 2. The audit log and the witness: what the keyring does at its start is recorded too
  let keyring: Keyring | undefined
  const records = config.audit === undefined && config.witness === undefined ? undefined
    : await (await import('./records.ts')).openRecords(config, system, () => keyring?.lastSeen())
  if (records?.ok === false) return records
  const { audit, anchor, emit = system.emit } = records?.value ?? {}
  // 3. The keyring
  const keys = await Keyring.open({ ...system, emit, store, keks: keks.value, policy: config.policy, anchor })
  if (!keys.ok) return fail(`Cannot use the keys in ${config.store}: ${keys.error.message} (${keys.error.code})`)
  keyring = keys.value
  // 4. What the configuration asks for besides
  const mayMint = config.auditRequired ? audit?.written : undefined
  const shared = { ...system, emit, config, keyring, openJtis, mayMint }
  const parts = await openParts(shared)
  return parts.ok ? ok(assembled(shared, store, { audit, parts: parts.value, tls: tls?.value })) : parts
}

async function openParts(deps: PartDeps): Promise<Result<readonly Part[], string>> {
  const { config: { auth, page, clients } } = deps
  const pages = auth !== 'off' || page ? [(await import('./page.ts')).openPage(deps)] : []
  const free = auth === 'off' ? pages : [...pages, (await import('./development.ts')).openDevelopment(deps)]
  if (clients === undefined) return ok(free)
  const service = await (await import('./token-service.ts')).openTokenService(clients, deps)
  return service.ok ? ok([...free, service.value]) : service
}

/** What a configuration adds to the core. */
interface Extras {
  readonly audit: Recorder | undefined
  readonly parts: readonly Part[]
  readonly tls: Tls | undefined
}

function assembled(deps: PartDeps, store: RingStore, { audit, parts, tls }: Extras): App {
  const { config, keyring } = deps
  let isDraining = false
  const ready = readyRoute(readiness(deps, store, { audit, tls, isDraining: () => isDraining }))
  const files = [...parts, ...tls === undefined ? [] : [tls]]
  const reloads = [...files.flatMap(({ reload }) => reload ?? []), ...audit === undefined ? [] : [audit.reopen]]
  const paths = new Set<string>()
  return {
    ...deps,
    paths,
    ready,
    tls,
    recorded: async () => await audit?.written() ?? true,
    isDurable: store.durable,
    isUnsealed: store.durable && isUnsealed(keyring.lastSeen().ring),
    issuerAt: (url) => config.issuer ?? url,
    routerAt: (url) => {
      const issuer = issuerOf(config.issuer ?? url)
      const added = parts.flatMap(({ routesAt }) => routesAt(issuer))
      const shared = publicDeps(issuer, keyring, store.durable)
      const routes = [...documents(shared, parts), healthRoute(), ready, ...added]
      for (const { path } of routes) paths.add(path)
      return router([...routes, ...setRoutes(shared)])
    },
    tick: () => keyring.tick().then(() => audit?.tick()),
    reload: reloads.length === 0 ? undefined : async () => void await Promise.all(reloads.map((reload) => reload())),
    drain: () => {
      isDraining = true
      return pause(config.drain)
    },
    close: async () => {
      for (const { close } of files) close?.()
      await audit?.close()
    },
  }
}

/** What readiness asks besides the keys. */
interface Others extends Pick<ReadyDeps, 'isDraining'>, Pick<Extras, 'audit' | 'tls'> {}

function readiness({ keyring, mayMint }: PartDeps, { durable }: RingStore, others: Others): ReadyDeps {
  const { audit, tls, isDraining } = others
  const failing = mayMint === undefined ? 'failing' : 'failing and required'
  return {
    current: keyring.current,
    health: () => keyring.health(),
    isDraining,
    keys: (ring) => !durable ? 'in memory' : isUnsealed(ring) ? 'unsealed' : 'sealed',
    certificate: () => tls?.state(),
    audit: () => audit === undefined ? 'off' : audit.isWritten() ? 'written' : failing,
  }
}

function isUnsealed({ keys }: Ring): boolean {
  return keys.some((key) => 'sealed' in key && key.sealed.kek === UNSEALED)
}

/** What every public document needs. */
function publicDeps(issuer: Issuer, keyring: Keyring, isDurable: boolean): HistoryDeps {
  // Keys that die with the process must not outlive it in a cache.
  // Varnish would add ten seconds of its own to max-age, in spite of must-revalidate (RFC 5861 section 3).
  const kept = `public, max-age=${keyring.policy.timing.maxAge}, must-revalidate, stale-while-revalidate=0`
  return { current: keyring.current, cacheControl: isDurable ? kept : 'no-cache', issuer }
}

function documents(deps: HistoryDeps, parts: readonly Part[]): readonly Route[] {
  const others = parts.find(({ metadataAt }) => metadataAt !== undefined)
  const metadata = { ...deps, others: () => others?.metadataAt?.(deps.issuer), basis: () => others?.basis?.() }
  return [
    ...jwksPaths(deps.issuer).map((path) => jwksRoute(path, deps)),
    ...metadataPaths(deps.issuer).map((path) => metadataRoute(path, metadata)),
    historyRoute(deps),
  ]
}

/** The key set of each algorithm: also of those that only other replicas have. */
function setRoutes(deps: HistoryDeps): readonly Route[] {
  return [...ALGORITHMS.values()].flatMap(({ alg }) =>
    deps.issuer.wellKnown(`jwks-${alg}.json`).map((path) => jwksRoute(path, deps, alg)))
}
