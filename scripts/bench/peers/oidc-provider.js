// @ts-nocheck Its packages are installed for the benchmark alone.
import { Provider } from 'oidc-provider'
import { audience, issuer, jwk, lifetime, port } from './key.js'

/** oidc-provider: client_credentials for one client; a resource indicator makes it issue JWTs, which it does not store. */

const provider = new Provider(issuer, {
  jwks: { keys: [jwk] },
  // The client signs in with its secret by HTTP Basic; its name becomes the subject.
  clients: [{
    client_id: 'alice',
    client_secret: 'correct-horse-battery-staple',
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
  }],
  clientDefaults: { id_token_signed_response_alg: jwk.alg },
  enabledJWA: { idTokenSigningAlgValues: [jwk.alg] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:example:api',
      getResourceServerInfo: () => ({
        scope: '',
        audience,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: jwk.alg } },
      }),
    },
  },
  ttl: { ClientCredentials: lifetime },
  formats: {
    customizers: {
      // By itself it says no nbf.
      jwt(ctx, token, { payload }) {
        payload.nbf = payload.iat
      },
    },
  },
})
provider.listen(port, '127.0.0.1')
