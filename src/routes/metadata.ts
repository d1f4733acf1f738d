import type { Issuer } from '../core/issuer.ts'
import type { JsonObject } from '../core/json.ts'
import type { Route } from '../http/router.ts'
import { type DocumentDeps, documentRoute } from './document.ts'

/** What the metadata routes need. */
export interface MetadataDeps extends DocumentDeps {
  readonly issuer: Issuer
  /** Further members, if there are clients to read them; they may change with the file of clients. */
  readonly others: () => JsonObject | undefined
}

/**
 * OpenID Connect Discovery 1.0 section 3 and RFC 8414 section 2, with the members that are true of this server. A list
 * without values is left out (RFC 8414 section 3.2).
 */
export function metadataRoute(path: string, deps: MetadataDeps): Route {
  return documentRoute(path, deps, ({ algs }) => ({
    issuer: deps.issuer.url,
    jwks_uri: `${deps.issuer.base}/.well-known/jwks.json`,
    // Both documents require it, with one value at least, although there is no authorization endpoint.
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: algs,
    ...deps.others(),
  }))
}
