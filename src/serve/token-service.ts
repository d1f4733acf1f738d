import { resolve } from 'node:path'
import { ok, type Result } from '../core/result.ts'
import { seconds } from '../core/time.ts'
import { backdateOf } from '../keyring/backdate.ts'
import type { KeyRules, KeySource, Remote } from '../oauth/client.ts'
import { clientMetadata, tokenEndpoint } from '../oauth/metadata.ts'
import { throttle } from '../oauth/throttle.ts'
import { oauthRoutes } from '../routes/oauth.ts'
import { openClients } from '../stores/clients-file.ts'
import type { Part, PartDeps } from './part.ts'

/** Opens the file of clients and what its clients need; the failure is a sentence for the operator. */
export async function openTokenService(path: string, deps: PartDeps): Promise<Result<Part, string>> {
  const { config, keyring, now, emit } = deps
  const { timing, algs } = keyring.policy
  const dropped: KeyRules['dropped'] = (from, place, member) => emit({ name: 'jwks.dropped', from, place, member })
  const rules = { algs, maxTtl: timing.maxTtl, remote: remotes(deps), dropped, issuer: config.issuer }
  const clients = await openClients({ ...rules, path: resolve(path), allowShared: config.allowShared, emit })
  if (!clients.ok) return clients
  const shared = {
    ...deps,
    clients: clients.value,
    jtis: await deps.openJtis({ now, clockError: timing.clockError }),
    throttle: throttle(now),
    current: keyring.current,
    ttl: timing.ttl,
    backdate: backdateOf(timing),
    skew: seconds(Math.max(timing.clockError, 1)),
  }
  return ok({
    metadataAt: ({ base }) => clientMetadata(base, clients.value.registry),
    basis: () => clients.value.registry,
    reload: clients.value.reload,
    close: clients.value.close,
    routesAt: ({ url: issuer, base, path: own }) =>
      [...new Set(['', own])].flatMap((at) => oauthRoutes(at, { ...shared, issuer, url: tokenEndpoint(base) })),
  })
}

/** The keys at each address, opened when first needed. */
function remotes(deps: PartDeps): Remote {
  const sources = new Map<string, Promise<KeySource>>()
  return (url) => {
    const source = sources.get(url) ?? import('../stores/fetch.ts').then(({ keysAt }) => keysAt(url, deps))
    sources.set(url, source)
    return source
  }
}
