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

/** Without clients there are no grants; the default of RFC 8414 section 2 would claim two. */
const NO_CLIENTS: JsonObject = { grant_types_supported: [] }

/** OpenID Connect Discovery 1.0 section 3 and RFC 8414 section 2, with the members that are true of this server. */
export function metadataRoute(path: string, deps: MetadataDeps): Route {
  return documentRoute(path, deps, ({ algs }) => ({
    issuer: deps.issuer.url,
    jwks_uri: `${deps.issuer.base}/.well-known/jwks.json`,
    // Required by both documents; there is no authorization endpoint, so the list is empty.
    response_types_supported: [],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: algs,
    ...deps.others() ?? NO_CLIENTS,
  }))
}
