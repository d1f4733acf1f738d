// @ts-nocheck Its packages are installed for the benchmark alone.
import { randomUUID } from 'node:crypto'
import { OAuth2Server } from 'oauth2-mock-server'
import { issuer, jwk, lifetime, port } from './key.js'

/** oauth2-mock-server: made for tests, it imports its key anew for every token; its events add what it leaves out. */

const server = new OAuth2Server()
await server.issuer.keys.add(jwk)
server.issuer.url = issuer
server.service.on('beforeTokenSigning', ({ payload }, request) => {
  payload.sub = request.body.client_id
  payload.exp = payload.iat + lifetime
  payload.jti = randomUUID()
})
server.service.on('beforeResponse', ({ body }) => {
  body.expires_in = lifetime
})
await server.start(port, '127.0.0.1')
