import { json, type Reply } from '../http/reply.ts'
import type { Route } from '../http/router.ts'
import { CATALOGUE } from '../testkit/catalogue.ts'
import type { AuthDeps } from './auth.ts'

/** `GET /auth/cases`: what `POST /auth?case=NAME` can make. */
export function casesRoute({ allowOrigins }: AuthDeps): Route {
  const cases = [...CATALOGUE.values()].map(({ name, what, rule, expected, level }) => ({ name, what, rule, expected, level }))
  const whole = json(200, { cases })
  return { path: '/auth/cases', methods: { GET: () => whole }, cors: allowOrigins }
}

/**
 * `GET /auth/stranger-jwks.json`: the keys that a token of the catalogue points to, which is where only a verifier
 * looks that follows `jku`. No metadata leads here, and no right verifier.
 */
export function strangerRoute({ rules: { algs }, expiredSigner }: AuthDeps): Route {
  const answer = async (): Promise<Reply> => json(200, { keys: (await Promise.all(algs.map(expiredSigner))).map(({ jwk }) => jwk) })
  return { path: '/auth/stranger-jwks.json', methods: { GET: answer }, cors: new Set() }
}
