import { createPublicKey, verify } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'

/** The API of whoever reads docs/testing.md: it checks RS256 tokens with Node.js alone. */

/** @param {{ issuer: string, audience: string }} trusted */
export async function startApi({ issuer, audience }) {
  const server = createServer(async (request, response) => {
    const token = request.headers.authorization?.slice('Bearer '.length) ?? ''
    const isRight = await isValid(token, issuer, audience).catch(() => false)
    response.writeHead(isRight ? 200 : 401, { connection: 'close' }).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  return { url: `http://127.0.0.1:${port}/`, close: () => new Promise((resolve) => server.close(resolve)) }
}

/**
 * @param {string} token
 * @param {string} issuer
 * @param {string} audience
 */
async function isValid(token, issuer, audience) {
  const [head = '', payload = '', signature = ''] = token.split('.')
  const [header, claims] = [head, payload].map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()))
  const { keys } = /** @type {{ keys: { kid: string }[] }} */ (await (await fetch(`${issuer}/jwks.json`)).json())
  const jwk = keys.find(({ kid }) => kid === header.kid)
  if (header.alg !== 'RS256' || jwk === undefined) return false
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  const input = Buffer.from(`${head}.${payload}`)
  const isSigned = verify('sha256', input, key, Buffer.from(signature, 'base64url'))
  return isSigned && claims.iss === issuer && claims.aud === audience && claims.exp > Date.now() / 1000
}
