import { problem } from '../http/problem.ts'
import type { Route } from '../http/router.ts'
import type { Alg } from '../jose/algorithm.ts'
import { setOfAlg } from '../keyring/snapshot.ts'
import { conditional, type DocumentDeps, fromSnapshot, representation } from './document.ts'

/** A weight between 0 and 1 (RFC 9110 section 12.4.2). */
const QUALITY = /^q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/

const JWK_SET = 'application/jwk-set+json'

/**
 * The JWK Set (RFC 7517 section 5) as `application/json`, or under its own media type (section 8.5.2) for callers that
 * name it: sent to everyone, it broke clients that accept JSON alone. With `alg`, the set of that algorithm alone.
 */
export function jwksRoute(path: string, deps: DocumentDeps, alg?: Alg): Route {
  const get = fromSnapshot(
    deps,
    (snapshot) => {
      const set = alg === undefined ? snapshot : setOfAlg(snapshot, alg)
      if (set === undefined) return undefined
      const { jwks, digest } = set
      const caching = { 'cache-control': deps.cacheControl, 'vary': 'accept' }
      return {
        json: representation(jwks, `"${digest}"`, { 'content-type': 'application/json', ...caching }),
        // Other bytes on the wire than the JSON form, if only in a header: a strong tag must differ (RFC 9110 8.8.3).
        jwkSet: representation(jwks, `"${digest}-jwks"`, { 'content-type': JWK_SET, ...caching }),
      }
    },
    (made, call) => {
      if (made === undefined) return problem(404, `There is no key of ${alg}`)
      return conditional(acceptsExplicitly(call.header('accept'), JWK_SET) ? made.jwkSet : made.json, call)
    },
  )
  return { path, methods: { GET: get }, cors: 'public' }
}

/**
 * Whether `Accept` names exactly this media type, and ranks it no lower than plain JSON where it names that too
 * (RFC 9110 section 12.5.1). A wildcard names nothing.
 */
export function acceptsExplicitly(accept: string | undefined, type: string): boolean {
  if (accept === undefined || accept === '*/*') return false
  const wanted = quality(accept, type)
  return wanted !== undefined && wanted > 0 && wanted >= (quality(accept, 'application/json') ?? 0)
}

function quality(accept: string, type: string): number | undefined {
  for (const range of accept.toLowerCase().split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim())
    if (name !== type) continue
    const weight = parameters.find((parameter) => parameter.startsWith('q=')) ?? 'q=1'
    return QUALITY.test(weight) ? Number(weight.slice(2)) : 0
  }
  return undefined
}
