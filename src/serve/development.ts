import type { Issuer } from '../core/issuer.ts'
import { isLoopbackHost } from '../core/loopback.ts'
import type { Alg } from '../jose/algorithm.ts'
import type { Signer } from '../jose/signer.ts'
import { backdateOf } from '../keyring/backdate.ts'
import { type AuthDeps, authRoutes } from '../routes/auth.ts'
import type { Part, PartDeps } from './part.ts'

/** `/auth` and its cases of bad tokens. */
export function openDevelopment({ config, keyring, ...shared }: PartDeps): Part {
  const { algs, rsaBits, timing } = keyring.policy
  const allowed = new Set(config.allowOrigins)
  const unpublished = new Map<Alg, Promise<Signer>>()
  const depsAt = ({ url, base }: Issuer): AuthDeps => ({
    ...shared,
    current: keyring.current,
    issuer: url,
    backdate: backdateOf(timing),
    rules: { audience: config.audience, ttl: timing.ttl, maxTtl: timing.maxTtl, algs },
    loadBad: async () => (await import('../routes/bad-tokens.ts')).badTokens({
      algs,
      leeway: timing.leeway,
      rsaBits,
      unpublished,
      loadCases: async () => await import('../testkit/served.ts'),
      attackerJwksUrl: `${base}/auth/stranger-jwks.json`,
      longest: config.store === 'memory:' ? undefined : timing.maxTtl,
    }),
    isOurHost: (host) => config.auth === 'open' || isOwnHost(host, url),
    // Also where `/auth` is open to everybody: a page of a foreign name may have rebound it to this machine.
    allowOrigins: { has: (origin, host) => allowed.has(origin) || isOwnOrigin(origin, host, url) },
  })
  return { routesAt: (issuer) => authRoutes(depsAt(issuer)) }
}

function isOwnHost(host: string, issuer: string): boolean {
  return isLoopbackHost(host) || host.toLowerCase() === new URL(issuer).host
}

/** Whether an origin (RFC 6454 section 6.2) is where the page at `/` comes from, and calls the host it comes from. */
function isOwnOrigin(origin: string, host: string, issuer: string): boolean {
  if (isLoopbackHost(host)) return [`http://${host}`, `https://${host}`].includes(origin)
  return isOwnHost(host, issuer) && origin === new URL(issuer).origin
}
