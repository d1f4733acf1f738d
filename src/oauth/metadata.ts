import type { JsonObject } from '../core/json.ts'
import { ALGORITHMS } from '../jose/algorithm.ts'
import type { Registry } from './rules.ts'

const METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt']

/** The algorithms whose signatures every runtime can check. */
const VERIFIABLE = [...ALGORITHMS.values()].filter(({ optional }) => optional === undefined).map(({ alg }) => alg)

/** The URL of the token endpoint of an issuer that is given without a slash at its end. */
export function tokenEndpoint(base: string): string {
  return `${base}/token`
}

/**
 * The members of the metadata that describe the endpoints for registered clients (RFC 8414 section 2, RFC 9449
 * section 5.1); only what some client may use is listed.
 */
export function clientMetadata(base: string, { grants, checkProof }: Registry): JsonObject {
  return {
    token_endpoint: tokenEndpoint(base),
    token_endpoint_auth_methods_supported: [...METHODS, 'none'],
    token_endpoint_auth_signing_alg_values_supported: VERIFIABLE,
    introspection_endpoint: `${base}/introspect`,
    introspection_endpoint_auth_methods_supported: METHODS,
    introspection_endpoint_auth_signing_alg_values_supported: VERIFIABLE,
    revocation_endpoint: `${base}/revoke`,
    revocation_endpoint_auth_methods_supported: METHODS,
    revocation_endpoint_auth_signing_alg_values_supported: VERIFIABLE,
    ...grants.length === 0 ? {} : { grant_types_supported: grants.map(({ type }) => type) },
    ...(checkProof === undefined ? {} : { dpop_signing_alg_values_supported: VERIFIABLE }),
  }
}
