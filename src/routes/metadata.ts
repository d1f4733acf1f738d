import type { JsonObject } from '../core/json.ts'
import type { Route } from '../http/router.ts'
import { type DocumentDeps, documentRoute } from './document.ts'

/** What the metadata routes need. */
export interface MetadataDeps extends DocumentDeps {
  readonly issuer: string
  /** Where this server publishes its JWK Set, as verifiers reach it. */
  readonly jwksUri: string
  /** Further members, which may change when the file of clients does. */
  readonly others: () => JsonObject
}

/** OpenID Connect Discovery 1.0 section 3 and RFC 8414 section 2, with the members that are true of this server. */
export function metadataRoute(path: string, deps: MetadataDeps): Route {
  return documentRoute(path, deps, ({ algs }) => ({
    issuer: deps.issuer,
    jwks_uri: deps.jwksUri,
    // Required by both documents; there is no authorization endpoint, so the list is empty.
    response_types_supported: [],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: algs,
    ...deps.others(),
  }))
}
