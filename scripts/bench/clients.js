import { createHash, generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A file of clients, one for each way to authenticate and as many more as wanted, and what they send. */

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
/** More assertions than are asked for in a second: one that came twice would be refused. */
const PER_SECOND = 6000
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const secret = randomBytes(32).toString('base64url')
const secrets = { client_secret_hashes: [createHash('sha256').update(secret).digest('base64url')] }
const usual = { audiences: ['https://api.example'], scope: 'read write' }

/** Writes the file into a folder, and answers its path. @param {string} folder @param {number} [more] */
export function writeClients(folder, more = 0) {
  const path = join(folder, 'clients.json')
  const crowd = Array.from({ length: more }, (_, at) => ({ client_id: `client-${at}`, token_endpoint_auth_method: 'client_secret_basic', ...secrets, ...usual }))
  writeFileSync(path, JSON.stringify({ clients: [
    ...crowd,
    { client_id: 'basic', token_endpoint_auth_method: 'client_secret_basic', ...secrets, ...usual },
    { client_id: 'post', token_endpoint_auth_method: 'client_secret_post', ...secrets, ...usual },
    { client_id: 'key', token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [publicKey.export({ format: 'jwk' })] }, ...usual },
  ] }), { mode: 0o600 })
  return path
}

/** What a client sends that has a secret. @param {string} url */
export function withBasic(url) {
  const credentials = Buffer.from(`basic:${secret}`).toString('base64')
  return { url: `${url}/token`, method: 'POST', headers: { ...FORM, authorization: `Basic ${credentials}` }, body: 'grant_type=client_credentials' }
}

/** The same in the body. @param {string} url */
export function withPost(url) {
  return { url: `${url}/token`, method: 'POST', headers: FORM, body: `grant_type=client_credentials&client_id=post&client_secret=${secret}` }
}

/** What a client sends that signs in with its key; `prepare` makes assertions for so many seconds. @param {string} url @param {string} folder */
export function withKey(url, folder) {
  const bodies = join(folder, 'assertions')
  return {
    request: { url: `${url}/token`, method: 'POST', headers: FORM, bodies },
    prepare: async (/** @type {number} */ seconds) => writeAssertions(bodies, url, PER_SECOND * seconds),
  }
}

/** @param {string} path @param {string} issuer @param {number} count */
export function writeAssertions(path, issuer, count) {
  const part = (/** @type {object} */ value) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const lines = Array.from({ length: count }, () => {
    const claims = { iss: 'key', sub: 'key', aud: issuer, iat: now, exp: now + 300, jti: randomUUID() }
    const input = `${part({ alg: 'ES256', typ: 'client-authentication+jwt' })}.${part(claims)}`
    const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')
    return `grant_type=client_credentials&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion=${input}.${signature}\n`
  })
  writeFileSync(path, lines.join(''))
}
