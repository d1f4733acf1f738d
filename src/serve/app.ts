import type { AuditLog } from '../audit/log.ts'
import type { Config } from '../config/config.ts'
import type { Emit } from '../core/event.ts'
import type { JsonObject } from '../core/json.ts'
import { isLoopbackHost } from '../core/loopback.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { System } from '../core/system.ts'
import { count } from '../core/tally.ts'
import { type Route, type Router, router, watched } from '../http/router.ts'
import { UNSEALED } from '../jose/kek.ts'
import { Keyring } from '../keyring/keyring.ts'
import { backdateOf } from '../keyring/policy.ts'
import type { Ring } from '../keyring/ring.ts'
import type { RingStore } from '../keyring/store.ts'
import type { Catalogue } from '../routes/auth-cases.ts'
import { healthRoute, readyRoute } from '../routes/health.ts'
import { historyRoute } from '../routes/history.ts'
import { jwksRoute } from '../routes/jwks.ts'
import { metadataRoute } from '../routes/metadata.ts'
import { openAudit, openStore } from '../stores/open.ts'
import { loadKeks } from '../stores/secrets.ts'
import type { TokenService } from './token-service.ts'

/** RFC 8414 has a default for it that is not true of this server. */
const NO_CLIENTS = { grant_types_supported: [] }

/** A server that holds its keys and knows its routes, but listens nowhere yet. */
export interface App {
  readonly keyring: Keyring
  /** Whether the keys outlive the process. */
  readonly isDurable: boolean
  /** Whether everybody who can read the store can open its keys. */
  readonly isUnsealed: boolean
  readonly emit: Emit
  /** The routes for the URL at which the server turns out to listen. */
  readonly routerAt: (url: string) => Router
  /** The routes for operators, who must present the token if there is one. */
  readonly adminRouter: (token: string | undefined) => Promise<Router>
  readonly issuerAt: (url: string) => string
  /** Brings the keys and the audit log up to date; never rejects. */
  readonly tick: () => Promise<void>
  /** Reads again what operators may change while the server runs; undefined when there is nothing of the kind. */
  readonly reload: (() => Promise<void>) | undefined
  /** Closes the audit log. */
  readonly close: () => Promise<void>
}

/**
 * Opens the store and the keyring, and wires the routes; rooms that the configuration does not use stay unloaded. The
 * failure is a sentence for the operator.
 */
export async function createApp(config: Config, system: System): Promise<Result<App, string>> {
  const keks = await loadKeks(config, system.randomBytes)
  if (!keks.ok) return keks
  const store = await openStore(config, system.randomBytes)
  let keyring: Keyring | undefined
  const audit = await openAudit(config, system, () => keyring?.lastSeen().signer())
  if (audit?.ok === false) return audit
  const emit = audit === undefined ? system.emit : withAudit(system.emit, audit.value)
  const opened = await Keyring.open({ ...system, emit, store, keks: keks.value, policy: config.policy })
  if (!opened.ok) return fail(`Cannot use the keys in ${config.store}: ${opened.error.message} (${opened.error.code})`)
  keyring = opened.value
  return await assembled(config, { ...system, emit }, store, keyring, audit?.value)
}

function withAudit(emit: Emit, audit: AuditLog): Emit {
  return (event) => {
    emit(event)
    audit.record(event)
  }
}

async function assembled(
  config: Config,
  system: System,
  store: RingStore,
  keyring: Keyring,
  audit: AuditLog | undefined,
): Promise<Result<App, string>> {
  const mayMint = (): boolean => config.audit?.isRequired !== true || audit?.isWritten() === true
  const auth = config.auth === 'off' ? undefined : await authRouteOf(config, keyring, system, mayMint)
  const service = await serviceOf(config, keyring, system, mayMint)
  if (!service.ok) return service
  const issuerAt = (url: string): string => config.issuer ?? url
  const ready = readyRoute({
    current: () => keyring.current(),
    health: () => keyring.health(),
    keys: (ring) => !store.durable ? 'in memory' : isUnsealed(ring) ? 'unsealed' : 'sealed',
    audit: () => audit === undefined ? 'off' : audit.isWritten() ? 'written' : mayMint() ? 'failing' : 'failing and required',
  })
  return ok({
    keyring,
    isDurable: store.durable,
    isUnsealed: store.durable && isUnsealed(keyring.lastSeen().ring),
    emit: system.emit,
    issuerAt,
    routerAt: (url) => {
      const issuer = issuerAt(url)
      const minting = [...(auth?.(issuer) ?? []), ...(service.value?.routesAt(issuer) ?? [])]
      return router([...documents(issuer, store, keyring, service.value), healthRoute(), ready, ...minting].map((route) => counted(route, system)))
    },
    adminRouter: async (token) => router((await import('../routes/admin.ts')).adminRoutes({ ...system, keyring, token })),
    tick: () => keyring.tick().then(() => audit?.tick()),
    reload: service.value?.reload,
    close: () => {
      service.value?.close()
      return audit?.close() ?? Promise.resolve()
    },
  })
}

async function serviceOf(config: Config, keyring: Keyring, system: System, mayMint: () => boolean): Promise<Result<TokenService | undefined, string>> {
  if (config.clients === undefined) return ok(undefined)
  return await (await import('./token-service.ts')).openTokenService(config, config.clients, { ...system, keyring, mayMint })
}

function counted(route: Route, { tally }: System): Route {
  const sample = `jwksd_requests_total{path="${route.path}"}`
  return watched(route, () => count(tally, sample))
}

function isUnsealed({ keys }: Ring): boolean {
  return keys.some((key) => 'sealed' in key && key.sealed.kek === UNSEALED)
}

function documents(issuer: string, store: RingStore, keyring: Keyring, service: TokenService | undefined): readonly Route[] {
  const { maxAge } = keyring.policy.timing
  // Keys that die with the process must not outlive it in a cache.
  const cacheControl = store.durable ? `public, max-age=${maxAge}, must-revalidate` : 'no-cache'
  const current = (): ReturnType<Keyring['current']> => keyring.current()
  const base = issuer.replace(/\/$/, '')
  const path = new URL(base).pathname.replace(/\/$/, '')
  const others = (): JsonObject => service?.metadataAt(base) ?? NO_CLIENTS
  const metadata = {
    current, cacheControl, issuer, jwksUri: `${base}/.well-known/jwks.json`, others, basis: () => service?.registry(),
  }
  // An issuer with a path is asked for below that path by OpenID clients, and in front of it by RFC 8414 section 3.1.
  const metadataPaths = ['openid-configuration', 'oauth-authorization-server'].flatMap((name) =>
    [`/.well-known/${name}`, `${path}/.well-known/${name}`, `/.well-known/${name}${path}`])
  const jwksPaths = ['/jwks.json', '/.well-known/jwks.json', `${path}/.well-known/jwks.json`]
  return [
    ...[...new Set(jwksPaths)].map((at) => jwksRoute(at, { current, cacheControl })),
    ...[...new Set(metadataPaths)].map((at) => metadataRoute(at, metadata)),
    historyRoute({ current, cacheControl, issuer }),
  ]
}

async function authRouteOf(
  config: Config,
  keyring: Keyring,
  system: System,
  mayMint: () => boolean,
): Promise<(issuer: string) => readonly Route[]> {
  const { authRoute } = await import('../routes/auth.ts')
  const { casesRoute, strangerRoute } = await import('../routes/auth-cases.ts')
  const { expiredSigners } = await import('../keyring/expired.ts')
  const { algs, rsaBits, timing } = keyring.policy
  const expiredSigner = expiredSigners(rsaBits)
  const isOurHost = (host: string, issuer: string): boolean =>
    config.auth === 'open' || isLoopbackHost(host) || host.toLowerCase() === new URL(issuer).host
  return (issuer) => {
    const deps = {
      ...system,
      current: () => keyring.current(),
      issuer,
      rules: { audience: config.audience, ttl: timing.ttl, maxTtl: timing.maxTtl, algs },
      algs,
      leeway: timing.leeway,
      backdate: backdateOf(timing),
      expiredSigner,
      loadCatalogue,
      strangerJwks: `${issuer.replace(/\/$/, '')}/auth/stranger-jwks.json`,
      isOurHost: (host: string) => isOurHost(host, issuer),
      allowOrigins: config.allowOrigins,
      mayMint,
    }
    return [authRoute(deps), casesRoute(deps), strangerRoute(deps)]
  }
}

/** The cases of bad tokens, loaded when the first is asked for. */
async function loadCatalogue(): Promise<Catalogue> {
  const { CATALOGUE, namesNear } = await import('../testkit/catalogue.ts')
  return { cases: CATALOGUE, namesNear }
}
