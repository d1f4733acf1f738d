import { resolve } from 'node:path'
import type { Config } from '../config/config.ts'
import type { JsonObject } from '../core/json.ts'
import { ok, type Result } from '../core/result.ts'
import type { System } from '../core/system.ts'
import { type Clock, seconds } from '../core/time.ts'
import type { Route } from '../http/router.ts'
import type { Keyring } from '../keyring/keyring.ts'
import { backdateOf } from '../keyring/policy.ts'
import type { JtiStore } from '../oauth/jti-store.ts'
import { type KeySource, remoteKeys } from '../oauth/key-source.ts'
import { clientMetadata, tokenEndpoint } from '../oauth/metadata.ts'
import type { Registry } from '../oauth/registry.ts'
import { throttle } from '../oauth/throttle.ts'
import { oauthRoutes } from '../routes/oauth.ts'
import { openClients } from '../stores/clients-file.ts'
import { fetchDocument } from '../stores/fetch.ts'

/** What serves registered clients. */
export interface TokenService {
  /** The routes for an issuer, also below its path. */
  readonly routesAt: (issuer: string) => readonly Route[]
  /** The members of the metadata that describe it. */
  readonly metadataAt: (base: string) => JsonObject
  /** What is registered now; the metadata changes when it does. */
  readonly registry: () => Registry
  readonly reload: () => Promise<void>
  readonly close: () => void
}

/** What the token service shares with the rest of the server. */
export interface TokenServiceDeps extends System {
  readonly keyring: Keyring
  readonly mayMint: () => boolean
}

/** Opens the file of clients and what its clients need; the failure is a sentence for the operator. */
export async function openTokenService(config: Config, path: string, deps: TokenServiceDeps): Promise<Result<TokenService, string>> {
  const { keyring, now, emit } = deps
  const { timing, algs } = keyring.policy
  const remotes = new Map<string, KeySource>()
  const remote = (url: string): KeySource => {
    const source = remotes.get(url) ?? remoteKeys(url, async (from) => {
      const content = await fetchDocument(from)
      if (content === undefined) emit({ name: 'jwks.failed', url: from })
      return content
    }, now)
    remotes.set(url, source)
    return source
  }
  const clients = await openClients(resolve(path), config.allowShared, { algs, maxTtl: timing.maxTtl, remote }, emit)
  if (!clients.ok) return clients
  const { registry, reload, close } = clients.value
  const shared = {
    ...deps,
    registry,
    jtis: await openJtis(config, now),
    throttle: throttle(now),
    onFailure: (client: string, address: string) => emit({ name: 'client.refused', client, address }),
    current: () => keyring.current(),
    ttl: timing.ttl,
    backdate: backdateOf(timing),
    skew: seconds(Math.max(timing.clockError, 1)),
  }
  return ok({
    metadataAt: (base) => clientMetadata(base, registry()),
    registry,
    reload,
    close,
    routesAt: (issuer) => {
      const base = issuer.replace(/\/$/, '')
      const below = new Set(['', new URL(base).pathname.replace(/\/$/, '')])
      return [...below].flatMap((path) => oauthRoutes(path, { ...shared, issuer, url: tokenEndpoint(base) }))
    },
  })
}

/** Where what was used up or taken back is remembered: where the keys are. */
async function openJtis({ store }: Config, now: Clock): Promise<JtiStore> {
  if (store === 'memory:') return (await import('../stores/jti-memory.ts')).jtiMemory(now)
  return (await import('../stores/jti-folder.ts')).jtiFolder(`${resolve(store.slice('file:'.length))}.jti`, now)
}
