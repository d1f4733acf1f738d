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
    isOurHost: (host) =>
      config.auth === 'open' || isLoopbackHost(host) || host.toLowerCase() === new URL(url).host,
    allowOrigins: new Set(config.allowOrigins),
  })
  return { routesAt: (issuer) => authRoutes(depsAt(issuer)) }
}
