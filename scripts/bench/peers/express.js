// @ts-nocheck Its packages are installed for the benchmark alone.
import { createPrivateKey, randomUUID } from 'node:crypto'
import express from 'express'
import jwt from 'jsonwebtoken'
import { audience, caching, issuer, jwk, keySet, lifetime, port } from './key.js'

/** express with jsonwebtoken, which knows no EdDSA. */

const key = createPrivateKey({ key: jwk, format: 'jwk' })

const app = express()
app.disable('x-powered-by')
app.get('/jwks.json', (request, response) => {
  response.type('json').set('cache-control', caching).send(keySet)
})
app.post('/token', express.json({ limit: '16kb' }), (request, response) => {
  const sub = request.body?.sub
  if (typeof sub !== 'string') return response.status(400).json({ error: 'sub is missing' })
  const token = jwt.sign({}, key, {
    algorithm: jwk.alg,
    keyid: jwk.kid,
    issuer,
    subject: sub,
    audience,
    expiresIn: lifetime,
    notBefore: 0,
    jwtid: randomUUID(),
  })
  response.set('cache-control', 'no-store').json({ token, expires_in: lifetime })
})
app.listen(port, '127.0.0.1')
