import { ok } from '../core/result.ts'
import { CLIENT_CREDENTIALS, type GrantType, JWT_BEARER, TOKEN_EXCHANGE } from './client.ts'
import type { Grant } from './rules.ts'

/** The client acts for itself (RFC 6749 section 4.4); its tokens are about it (RFC 9068 section 2.2). */
const clientCredentials: Grant = { type: CLIENT_CREDENTIALS, entitle: async ({ client }) => ok({ subject: client.id }) }

/** Loads these grants; what no client may use stays unloaded. */
export async function loadGrants(types: readonly GrantType[]): Promise<readonly Grant[]> {
  return await Promise.all(types.map(async (type) => {
    switch (type) {
      case CLIENT_CREDENTIALS: return clientCredentials
      case TOKEN_EXCHANGE: return (await import('./token-exchange.ts')).tokenExchange
      case JWT_BEARER: return (await import('./jwt-bearer.ts')).jwtBearer
      default: return type satisfies never
    }
  }))
}
