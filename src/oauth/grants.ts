import { CLIENT_CREDENTIALS, type GrantType, JWT_BEARER, TOKEN_EXCHANGE } from './client.ts'
import type { Grant } from './rules.ts'
import { clientCredentials } from './token.ts'

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
