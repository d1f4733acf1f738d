// @ts-nocheck Its packages are installed for the benchmark alone.
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { importJWK, SignJWT } from 'jose'
import { audience, caching, issuer, jwk, keySet, lifetime, port } from './key.js'

/** jose on node:http. */

const MAX_BODY = 16_384
const key = await importJWK(jwk, jwk.alg)
const header = { alg: jwk.alg, kid: jwk.kid, typ: 'JWT' }

async function mint(sub) {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: issuer, sub, aud: audience, iat: now, nbf: now, exp: now + lifetime, jti: randomUUID() }
  const token = await new SignJWT(claims).setProtectedHeader(header).sign(key)
  return { token, expires_in: lifetime }
}

function bodyOf(request) {
  return new Promise((resolve, reject) => {
    const chunks = []
    let length = 0
    request.on('data', (chunk) => {
      length += chunk.length
      if (length > MAX_BODY) reject(new Error('The body is too long'))
      else chunks.push(chunk)
    })
    request.on('end', () => resolve(Buffer.concat(chunks).toString()))
    request.on('error', reject)
  })
}

function send(response, status, text, cacheControl) {
  response.writeHead(status, {
    'content-type': 'application/json', 'content-length': Buffer.byteLength(text), 'cache-control': cacheControl,
  }).end(text)
}

async function issue(request, response) {
  try {
    const { sub } = JSON.parse(await bodyOf(request))
    if (typeof sub !== 'string') throw new TypeError('sub is missing')
    send(response, 200, JSON.stringify(await mint(sub)), 'no-store')
  } catch (error) {
    send(response, 400, JSON.stringify({ error: error.message }), 'no-store')
  }
}

createServer((request, response) => {
  if (request.method === 'GET' && request.url === '/jwks.json') send(response, 200, keySet, caching)
  else if (request.method === 'POST' && request.url === '/token') issue(request, response)
  else send(response, 404, '{"error":"not found"}', 'no-store')
}).listen(port, '127.0.0.1')
