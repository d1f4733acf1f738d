import { createPrivateKey, randomUUID, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** Prints a client assertion (RFC 7523 section 2.2), good for a minute: `node assertion.js ISSUER CLIENT KEY.pem` */

const [issuer = '', client = '', file = ''] = process.argv.slice(2)
const key = createPrivateKey(readFileSync(file))
const now = Math.floor(Date.now() / 1000)
const part = (/** @type {object} */ value) => Buffer.from(JSON.stringify(value)).toString('base64url')
const header = { alg: 'ES256', typ: 'client-authentication+jwt' }
const claims = { iss: client, sub: client, aud: issuer, iat: now, exp: now + 60, jti: randomUUID() }
const input = `${part(header)}.${part(claims)}`
const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
console.log(`${input}.${signature.toString('base64url')}`)
