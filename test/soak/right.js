import { createPublicKey, randomUUID, sign, verify } from 'node:crypto'
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** Clients with right credentials, which must always be served, and a verifier that keeps the key set for max-age. */

const PAUSE_MS = 20
/** Requests before a client opens another connection. */
const REQUESTS_ON_A_CONNECTION = 20
const TIMEOUT_MS = 10_000
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

const encoded = (content) => Buffer.from(JSON.stringify(content)).toString('base64url')

/**
 * Fetches and verifies tokens with both clients until a moment, in milliseconds since 1970.
 * @param {string} url
 * @param {{ secret: string, privateKey: import('node:crypto').KeyObject }} credentials
 * @param {number} until
 * @returns {Promise<{ times: number[], faults: string[], kids: Set<string> }>} times in milliseconds
 */
export async function fetchTokens(url, { secret, privateKey }, until) {
  const seen = { times: [], faults: [], kids: new Set() }
  const basic = Buffer.from(`billing:${secret}`).toString('base64')
  const bySecret = () => ({ headers: { authorization: `Basic ${basic}` }, form: {} })
  const byKey = () => {
    const assertion = assert(url, privateKey)
    return { headers: {}, form: { client_assertion_type: ASSERTION, client_assertion: assertion } }
  }
  await Promise.all([bySecret, byKey].map((credentials) => fetchWith(url, { credentials, until, seen })))
  return seen
}

/** The requests of one client, one after the other. */
async function fetchWith(url, { credentials, until, seen }) {
  const keys = cachedKeys(url)
  let agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let at = 1; Date.now() < until; at += 1) {
    const { headers, form } = credentials()
    const body = new URLSearchParams({ grant_type: 'client_credentials', ...form }).toString()
    const begun = performance.now()
    try {
      const { status, text } = await ask(`${url}/token`, { agent, headers, body })
      seen.times.push(performance.now() - begun)
      if (status !== 200) throw new Error(`/token answers ${status}: ${text.slice(0, 200)}`)
      seen.kids.add(await verified(JSON.parse(text).access_token, keys))
    } catch (error) {
      seen.faults.push(`${new Date().toISOString()} ${error.message}`)
    }
    if (at % REQUESTS_ON_A_CONNECTION === 0) {
      agent.destroy()
      agent = new Agent({ keepAlive: true, maxSockets: 1 })
    }
    await sleep(PAUSE_MS)
  }
  agent.destroy()
}

/** A client assertion of `signer` for the issuer (RFC 7523 section 3). */
function assert(url, key) {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: 'signer', sub: 'signer', aud: url, jti: randomUUID(), iat: now, exp: now + 30 }
  const input = `${encoded({ alg: 'ES256', kid: 'signer' })}.${encoded(claims)}`
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

/** Answers a key by its kid, from a key set that is fetched again after its max-age alone, never for an unknown kid. */
function cachedKeys(url) {
  let [keys, fetchUntil] = [new Map(), 0]
  return async (kid) => {
    const now = Date.now()
    if (now >= fetchUntil) {
      const { status, headers, text } = await ask(`${url}/.well-known/jwks.json`, {})
      if (status !== 200) throw new Error(`the key set answers ${status}`)
      fetchUntil = now + Number(/max-age=(\d+)/.exec(headers['cache-control'])?.[1]) * 1000
      keys = new Map(JSON.parse(text).keys.map((key) => [key.kid, createPublicKey({ key, format: 'jwk' })]))
    }
    return keys.get(kid)
  }
}

/** The kid of a token; throws unless its signature and expiry hold. */
async function verified(token, keys) {
  const [header, claims, signature] = token.split('.')
  const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString())
  const key = await keys(kid)
  if (key === undefined) throw new Error(`the cached key set lacks ${kid}`)
  const input = Buffer.from(`${header}.${claims}`)
  const isValid = verify('sha256', input, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))
  if (!isValid) throw new Error(`a signature by ${kid} does not hold`)
  return kid
}

/**
 * Sends one request.
 * @param {string} url
 * @param {{ agent?: Agent, headers?: Record<string, string>, body?: string }} options
 * @returns {Promise<{ status: number, headers: Record<string, string>, text: string }>}
 */
export function ask(url, { agent = false, headers = {}, body }) {
  return new Promise((resolve, reject) => {
    const type = body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
    const options = { method: body === undefined ? 'GET' : 'POST', agent, headers: { ...type, ...headers } }
    const sent = request(url, options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => text += chunk)
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }))
      response.on('error', reject)
    })
    sent.setTimeout(TIMEOUT_MS, () => sent.destroy(new Error(`no answer in ${TIMEOUT_MS} ms`)))
    // A server may close a connection while a request is on its way: as every client does, ask again on a new one.
    sent.on('error', (error) => sent.reusedSocket && error.code === 'ECONNRESET'
      ? resolve(ask(url, { headers, body })) : reject(error))
    sent.end(body)
  })
}
