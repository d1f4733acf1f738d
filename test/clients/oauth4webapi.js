import { calculateJwkThumbprint } from 'jose'
import * as oauth from 'oauth4webapi'
import { refusedWith, same } from './checks.js'

const http = { [oauth.allowInsecureRequests]: true }

/** oauth4webapi: each answer processed by the library, and its own check of an access token at a resource. */
export async function tryOauth4webapi(checks, world) {
  const that = (what, check) => checks.that('oauth4webapi', what, check)
  const { issuer, secrets, keys, audience, other } = world
  const url = new URL(issuer)
  const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...http }))
  await that('discovery (oidc)', async () => {
    const found = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: 'oidc', ...http }))
    same(found.token_endpoint, `${issuer}/token`, 'token_endpoint')
  })
  const obtain = async (id, auth, form = {}, options = {}) => {
    const who = { client_id: id }
    const reply = await oauth.clientCredentialsGrantRequest(as, who, auth, new URLSearchParams(form), { ...http, ...options })
    return await oauth.processClientCredentialsResponse(as, who, reply)
  }
  const ways = [
    ['client_secret_basic', 'basic', oauth.ClientSecretBasic(secrets.basic)],
    ['client_secret_basic with a name that must be form-encoded', 'odd:name+%', oauth.ClientSecretBasic(secrets['odd:name+%'])],
    ['client_secret_post', 'post', oauth.ClientSecretPost(secrets.post)],
    ['private_key_jwt, ES256', 'keeper', oauth.PrivateKeyJwt({ key: keys.es256, kid: 'es' })],
    ['private_key_jwt, RS256', 'keeper-rsa', oauth.PrivateKeyJwt({ key: keys.rs256, kid: 'rs' })],
  ]
  /** A request to an API that has the token, as the library's own check for resources sees it. */
  const atResource = (token, type = 'Bearer', headers = {}) =>
    oauth.validateJwtAccessToken(as, new Request(`${audience}/x`, { headers: { authorization: `${type} ${token}`, ...headers } }), audience, http)
  for (const [what, id, auth] of ways) {
    await that(`client_credentials by ${what}, and the token at an API`, async () => {
      const { access_token: token, token_type: type } = await obtain(id, auth, { resource: audience })
      same(type, 'bearer', 'token_type')
      same((await atResource(token)).client_id, id, 'client_id')
    })
    await that(`introspection and revocation by ${what}`, async () => {
      const who = { client_id: id }
      const { access_token: token } = await obtain(id, auth)
      const introspect = async () => (await oauth.processIntrospectionResponse(as, who, await oauth.introspectionRequest(as, who, auth, token, http))).active
      same(await introspect(), true, 'answer before')
      await oauth.processRevocationResponse(await oauth.revocationRequest(as, who, auth, token, http))
      same(await introspect(), false, 'answer after')
    })
  }
  const basic = oauth.ClientSecretBasic(secrets.basic)
  await that('DPoP, and the bound token at an API', async () => {
    const pair = await oauth.generateKeyPair('ES256', { extractable: true })
    const DPoP = oauth.DPoP({ client_id: 'basic' }, pair)
    const { access_token: token, token_type: type } = await obtain('basic', basic, {}, { DPoP })
    same(type, 'dpop', 'token_type')
    // The library sends requests itself; what it would have sent is what the API sees.
    let seen
    await oauth.protectedResourceRequest(token, 'GET', new URL(`${audience}/x`), undefined, undefined, {
      DPoP, [oauth.customFetch]: async (at, init) => { seen = new Request(at, init); return new Response() },
    })
    const claims = await oauth.validateJwtAccessToken(as, seen, audience, http)
    same(claims.cnf.jkt, await calculateJwkThumbprint(await crypto.subtle.exportKey('jwk', pair.publicKey)), 'thumbprint')
    await refusedWith('DPoP', atResource(token))
  })
  await that('a wrong secret is refused', () => refusedWith('OAUTH_WWW_AUTHENTICATE_CHALLENGE', obtain('basic', oauth.ClientSecretBasic('wrong'))))
  await that('a token for another API is refused there', async () => {
    const { access_token: token } = await obtain('basic', basic, { resource: other })
    return refusedWith('aud', atResource(token))
  })
}
