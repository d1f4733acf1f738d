import { createServer } from 'node:http'
import { createRemoteJWKSet, jwtVerify } from 'jose'

/** An API that takes access tokens: `node api.js ISSUER AUDIENCE PORT` */

const [issuer = '', audience = '', port = '3000'] = process.argv.slice(2)
const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`))

const server = createServer(async (request, response) => {
  const [, token = ''] = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '') ?? []
  try {
    const { payload } = await jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt', requiredClaims: ['exp', 'sub'] })
    const scopes = String(payload['scope'] ?? '').split(' ')
    if (!scopes.includes('read')) return void response.writeHead(403, { 'www-authenticate': 'Bearer error="insufficient_scope", scope="read"' }).end()
    response.writeHead(200, { 'content-type': 'application/json' }).end(`${JSON.stringify({ hello: payload.sub })}\n`)
  } catch {
    response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end()
  }
})
server.listen(Number(port), process.env['HOST'] ?? '127.0.0.1', () => {
  const { port: taken } = /** @type {import('node:net').AddressInfo} */ (server.address())
  console.log(`listening on http://127.0.0.1:${taken}`)
})
