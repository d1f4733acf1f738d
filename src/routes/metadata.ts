import type { JsonObject } from '../core/json.ts'
import type { Route } from '../http/router.ts'
import { sha256 } from '../jose/digest.ts'
import type { Snapshot } from '../keyring/snapshot.ts'
import { conditional, type Current, fromSnapshot, representation } from './document.ts'

/** What the metadata routes need. */
export interface MetadataDeps {
  readonly current: Current
  readonly cacheControl: string
  readonly issuer: string
  /** Where this server publishes its JWK Set, as verifiers reach it. */
  readonly jwksUri: string
  /** What else is true of it. */
  readonly others: JsonObject
}

/** OpenID Connect Discovery 1.0 section 3 and RFC 8414 section 2, with the members that are true of this server. */
export function metadataRoute(path: string, { current, cacheControl, issuer, jwksUri, others }: MetadataDeps): Route {
  const make = ({ algs }: Snapshot) => {
    const content = {
      issuer,
      jwks_uri: jwksUri,
      // Required by both documents; there is no authorization endpoint, so the list is empty.
      response_types_supported: [],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: algs,
      ...others,
    }
    const body = `${JSON.stringify(content)}\n`
    const headers = { 'content-type': 'application/json', 'cache-control': cacheControl }
    return representation(body, `"${sha256(body).slice(0, 22)}"`, headers)
  }
  return { path, methods: { GET: fromSnapshot(current, make, conditional) }, cors: 'public' }
}
