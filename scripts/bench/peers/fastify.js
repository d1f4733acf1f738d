// @ts-nocheck Its packages are installed for the benchmark alone.
import { createPrivateKey, randomUUID } from 'node:crypto'
import { createSigner } from 'fast-jwt'
import Fastify from 'fastify'
import { audience, caching, issuer, jwk, keySet, lifetime, port } from './key.js'

/** fastify with fast-jwt, which takes keys as PEM and imports this one when the signer is made. */

const sign = createSigner({
  key: createPrivateKey({ key: jwk, format: 'jwk' }).export({ format: 'pem', type: 'pkcs8' }),
  algorithm: jwk.alg,
  kid: jwk.kid,
  iss: issuer,
  aud: audience,
  // Milliseconds.
  expiresIn: lifetime * 1000,
  notBefore: 0,
})

const schema = {
  body: { type: 'object', required: ['sub'], properties: { sub: { type: 'string' } } },
  response: { 200: { type: 'object', properties: { token: { type: 'string' }, expires_in: { type: 'integer' } } } },
}

const app = Fastify()
app.get('/jwks.json', (request, reply) => {
  reply.type('application/json').header('cache-control', caching).send(keySet)
})
app.post('/token', { schema }, (request, reply) => {
  const token = sign({ sub: request.body.sub, jti: randomUUID() })
  reply.header('cache-control', 'no-store').send({ token, expires_in: lifetime })
})
await app.listen({ port, host: '127.0.0.1' })
