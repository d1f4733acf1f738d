import type { Config } from './config.ts'
import type { Emit } from './core/event.ts'
import type { RandomBytes } from './core/random.ts'
import { fail, ok, type Result } from './core/result.ts'
import { type Clock, seconds } from './core/time.ts'
import { isLoopbackHost } from './http/loopback.ts'
import { type Route, type Router, router } from './http/router.ts'
import { isAvailable } from './jose/signer.ts'
import { ephemeralKek } from './jose/wrap.ts'
import type { KeyringFault } from './keyring/fault.ts'
import { Keyring } from './keyring/keyring.ts'
import { type ProofLine, NO_MARKS, proof } from './keyring/policy.ts'
import type { RingStore } from './keyring/store.ts'
import { healthRoute, readyRoute } from './routes/health.ts'
import { jwksRoute } from './routes/jwks.ts'
import { metadataRoute } from './routes/metadata.ts'

/** Seconds that `nbf` lies before `iat` even where clocks are right. */
const LEAST_SKEW = 10

/** What the whole server takes from the world, so that a test can be the world. */
export interface System {
  readonly now: Clock
  readonly randomBytes: RandomBytes
  readonly emit: Emit
}

/** A server that holds its keys and knows its routes, but listens nowhere yet. */
export interface App {
  readonly keyring: Keyring
  /** Whether the keys outlive the process. */
  readonly isDurable: boolean
  /** The routes for the URL at which the server turns out to listen. */
  readonly routerAt: (url: string) => Router
  readonly issuerAt: (url: string) => string
}

/** Why a configuration is refused: lines of the proof that fail, or algorithms that this runtime lacks. */
export type Refusal =
  | { readonly code: 'promise_broken'; readonly lines: readonly ProofLine[] }
  | { readonly code: 'algorithm_missing'; readonly algs: readonly string[] }

/** The proof for a store that holds no marks yet. */
export function proofOf(config: Config): readonly ProofLine[] {
  return proof(config.policy(NO_MARKS).timing, NO_MARKS)
}

/** What stands against this configuration on this runtime; undefined when nothing does. */
export async function refusalOf(config: Config): Promise<Refusal | undefined> {
  const lines = proofOf(config).filter(({ holds }) => !holds)
  if (lines.length > 0) return { code: 'promise_broken', lines }
  const { algs } = config.policy(NO_MARKS)
  const available = await Promise.all(algs.map(isAvailable))
  const missing = algs.filter((_alg, at) => available[at] === false)
  return missing.length > 0 ? { code: 'algorithm_missing', algs: missing } : undefined
}

/** Opens the store and the keyring, and wires the routes; rooms that the configuration does not use stay unloaded. */
export async function createApp(config: Config, system: System): Promise<Result<App, KeyringFault>> {
  const store = await openStore(config)
  const kek = await ephemeralKek(system.randomBytes)
  const opened = await Keyring.open({ ...system, store, kek, policy: config.policy })
  if (!opened.ok) return fail(opened.error)
  const keyring = opened.value
  const auth = config.auth === 'off' ? undefined : await authRouteOf(config, keyring, system)
  const issuerAt = (url: string): string => config.issuer ?? url
  return ok({
    keyring,
    isDurable: store.durable,
    issuerAt,
    routerAt: (url) => {
      const issuer = issuerAt(url)
      return router([...documents(issuer, store, keyring), ...(auth === undefined ? [] : [auth(issuer)])])
    },
  })
}

async function openStore(config: Config): Promise<RingStore> {
  switch (config.store) {
    case 'memory:':
      return (await import('./stores/memory.ts')).memoryStore()
    default:
      throw new TypeError(`Cannot open the store ${config.store}`)
  }
}

function documents(issuer: string, store: RingStore, keyring: Keyring): readonly Route[] {
  const { maxAge } = keyring.policy.timing
  // Keys that die with the process must not outlive it in a cache.
  const cacheControl = store.durable ? `public, max-age=${maxAge}, must-revalidate` : 'no-cache'
  const current = (): ReturnType<Keyring['current']> => keyring.current()
  const base = issuer.replace(/\/$/, '')
  const path = new URL(base).pathname.replace(/\/$/, '')
  const metadata = { current, cacheControl, issuer, jwksUri: `${base}/.well-known/jwks.json` }
  // An issuer with a path is asked for below that path by OpenID clients, and in front of it by RFC 8414 section 3.1.
  const metadataPaths = ['openid-configuration', 'oauth-authorization-server'].flatMap((name) =>
    [`/.well-known/${name}`, `${path}/.well-known/${name}`, `/.well-known/${name}${path}`])
  const jwksPaths = ['/jwks.json', '/.well-known/jwks.json', `${path}/.well-known/jwks.json`]
  return [
    ...[...new Set(jwksPaths)].map((at) => jwksRoute(at, { current, cacheControl })),
    ...[...new Set(metadataPaths)].map((at) => metadataRoute(at, metadata)),
    healthRoute(),
    readyRoute({ current, health: () => keyring.health() }),
  ]
}

async function authRouteOf(config: Config, keyring: Keyring, system: System): Promise<(issuer: string) => Route> {
  const { authRoute } = await import('./routes/auth.ts')
  const { expiredSigners } = await import('./keyring/expired.ts')
  const { algs, rsaBits, timing } = keyring.policy
  const isOurHost = (host: string, issuer: string): boolean =>
    config.auth === 'open' || isLoopbackHost(host) || host.toLowerCase() === new URL(issuer).host
  return (issuer) => authRoute({
    ...system,
    current: () => keyring.current(),
    issuer,
    rules: { audience: config.audience, ttl: timing.ttl, maxTtl: timing.maxTtl, algs },
    leeway: timing.leeway,
    // A clock that is ahead by all that it may be must still make tokens that are valid at once.
    skew: seconds(Math.max(LEAST_SKEW, timing.clockError)),
    expiredSigner: expiredSigners(rsaBits),
    isOurHost: (host) => isOurHost(host, issuer),
    allowOrigins: config.allowOrigins,
  })
}
