import { acceptsExplicitly } from '../http/conditional.ts'
import type { Route } from '../http/router.ts'
import { conditional, type DocumentDeps, fromSnapshot, representation } from './document.ts'

const JWK_SET = 'application/jwk-set+json'

/**
 * The JWK Set (RFC 7517 section 5) as `application/json`, or under its own media type (section 8.5.2) for callers that
 * name it: sent to everyone, it broke clients that take JSON alone.
 */
export function jwksRoute(path: string, deps: DocumentDeps): Route {
  const get = fromSnapshot(
    deps,
    ({ jwks, digest }) => {
      const caching = { 'cache-control': deps.cacheControl, 'vary': 'accept' }
      return {
        json: representation(jwks, `"${digest}"`, { 'content-type': 'application/json', ...caching }),
        // Other bytes on the wire than the JSON form, if only in a header: a strong tag must differ (RFC 9110 8.8.3).
        jwkSet: representation(jwks, `"${digest}-jwks"`, { 'content-type': JWK_SET, ...caching }),
      }
    },
    ({ json, jwkSet }, call) => conditional(acceptsExplicitly(call.header('accept'), JWK_SET) ? jwkSet : json, call),
  )
  return { path, methods: { GET: get }, cors: 'public' }
}
