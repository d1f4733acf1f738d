import { calculateJwkThumbprint, decodeJwt } from 'jose'
import * as client from 'openid-client'
import { refusedWith, same } from './checks.js'

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** openid-client, configured by nothing but the issuer; plain http needs its switch. */
export async function tryOpenidClient(checks, world) {
  const that = (what, check) => checks.that('openid-client', what, check)
  const { issuer, secrets, keys, audience } = world
  const discover = (id, auth, algorithm = 'oidc') =>
    client.discovery(new URL(issuer), id, undefined, auth, { algorithm, execute: [client.allowInsecureRequests] })
  const grant = (config, others = {}) => client.clientCredentialsGrant(config, others)

  for (const algorithm of ['oidc', 'oauth2']) {
    await that(`discovery (${algorithm})`, async () => {
      const config = await discover('basic', client.ClientSecretBasic(secrets.basic), algorithm)
      same(config.serverMetadata().issuer, issuer, 'issuer')
      same(config.serverMetadata().token_endpoint, `${issuer}/token`, 'token_endpoint')
    })
  }
  const ways = [
    ['client_secret_basic', 'basic', client.ClientSecretBasic(secrets.basic)],
    ['client_secret_basic with a name that must be form-encoded', 'odd:name+%', client.ClientSecretBasic(secrets['odd:name+%'])],
    ['client_secret_post', 'post', client.ClientSecretPost(secrets.post)],
    ['private_key_jwt, ES256', 'keeper', client.PrivateKeyJwt({ key: keys.es256, kid: 'es' })],
    ['private_key_jwt, RS256', 'keeper-rsa', client.PrivateKeyJwt({ key: keys.rs256, kid: 'rs' })],
  ]
  for (const [what, id, auth] of ways) {
    const config = await discover(id, auth)
    await that(`client_credentials by ${what}`, async () => {
      const { access_token: token, token_type: type, expires_in: life } = await grant(config, { scope: 'read', resource: audience })
      same(type, 'bearer', 'token_type')
      same(life, 900, 'expires_in')
      const claims = decodeJwt(token)
      same(claims.client_id, id, 'client_id')
      same(claims.scope, 'read', 'scope')
    })
    await that(`introspection and revocation by ${what}`, async () => {
      const { access_token: token } = await grant(config)
      same((await client.tokenIntrospection(config, token)).active, true, 'answer before')
      await client.tokenRevocation(config, token)
      same((await client.tokenIntrospection(config, token)).active, false, 'answer after')
    })
  }
  const basic = await discover('basic', client.ClientSecretBasic(secrets.basic))
  await that('DPoP', async () => {
    const pair = await client.randomDPoPKeyPair('ES256', { extractable: true })
    const { access_token: token, token_type: type } = await client.clientCredentialsGrant(basic, {}, { DPoP: client.getDPoPHandle(basic, pair) })
    same(type, 'dpop', 'token_type')
    same(decodeJwt(token).cnf.jkt, await calculateJwkThumbprint(await crypto.subtle.exportKey('jwk', pair.publicKey)), 'thumbprint')
  })
  await that('token exchange', async () => {
    const { access_token: subject } = await grant(basic, { scope: 'read' })
    const config = await discover('exchanger', client.ClientSecretBasic(secrets.exchanger))
    const got = await client.genericGrantRequest(config, EXCHANGE, { subject_token: subject, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' })
    const { sub, act } = decodeJwt(got.access_token)
    same(sub, 'basic', 'subject')
    same(act.sub, 'exchanger', 'actor')
  })
  for (const id of ['job', 'bound']) {
    await that(`JWT bearer with the token of a workload, ${id === 'bound' ? 'with DPoP' : 'without any secret'}`, async () => {
      const config = await discover(id, client.None())
      const assertion = await world.workloadToken('repo:org/app')
      const DPoP = id === 'bound' ? { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair('RS256')) } : {}
      same(decodeJwt((await client.genericGrantRequest(config, BEARER, { assertion }, DPoP)).access_token).sub, 'repo:org/app', 'subject')
    })
  }
  await that('a wrong secret is refused', async () => refusedWith('OAUTH_WWW_AUTHENTICATE_CHALLENGE', grant(await discover('basic', client.ClientSecretBasic('wrong')))))
  await that('a scope too many is refused', () => refusedWith('invalid_scope', grant(basic, { scope: 'admin' })))
  await that('a target too many is refused', () => refusedWith('invalid_target', grant(basic, { resource: 'https://third.example' })))
  await that('a workload that is not trusted is refused', async () => {
    const config = await discover('job', client.None())
    return refusedWith('invalid_grant', client.genericGrantRequest(config, BEARER, { assertion: await world.workloadToken('user:x') }))
  })
}
