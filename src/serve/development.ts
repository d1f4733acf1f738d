import type { Issuer } from '../core/issuer.ts'
import { isLoopbackHost } from '../core/loopback.ts'
import { expiredSigners } from '../keyring/expired.ts'
import { backdateOf } from '../keyring/backdate.ts'
import { type AuthDeps, authRoutes } from '../routes/auth.ts'
import type { Part, PartDeps } from './part.ts'

/** `/auth` and its cases of bad tokens. */
export function openDevelopment({ config, keyring, ...shared }: PartDeps): Part {
  const { algs, rsaBits, timing } = keyring.policy
  const expiredSigner = expiredSigners(rsaBits)
  const depsAt = ({ url, base }: Issuer): AuthDeps => ({
    ...shared,
    current: keyring.current,
    issuer: url,
    backdate: backdateOf(timing),
    rules: { audience: config.audience, ttl: timing.ttl, maxTtl: timing.maxTtl, algs },
    leeway: timing.leeway,
    expiredSigner,
    loadCases: async () => await import('../testkit/served.ts'),
    isDurable: config.store !== 'memory:',
    attackerJwksUrl: `${base}/auth/stranger-jwks.json`,
    isOurHost: (host) =>
      config.auth === 'open' || isLoopbackHost(host) || host.toLowerCase() === new URL(url).host,
    allowOrigins: new Set(config.allowOrigins),
  })
  return { routesAt: (issuer) => authRoutes(depsAt(issuer)) }
}
