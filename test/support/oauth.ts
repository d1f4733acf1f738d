import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type RunningApp, startApp } from './app.ts'
import { newFolder } from './folder.ts'
import { sha256 } from '../../src/jose/digest.ts'
import { b64 } from './forgeries.ts'

/** A secret, as `jwksd client add` makes it, and what the file holds of it. */
export const SECRET = 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I'
export const HASH: string = sha256(SECRET)
export const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

/** Somebody with an ES256 key, who is not us. */
export interface Party {
  readonly jwk: Readonly<Record<string, string>>
  readonly key: KeyObject
  readonly sign: (data: Uint8Array) => Promise<Uint8Array>
  readonly token: (header: object, claims: object) => string
}

/** Makes somebody. */
export function newParty(kid = 'key-1'): Party {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const raw = (data: Uint8Array): Uint8Array => sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return {
    jwk: { ...publicKey.export({ format: 'jwk' }) as Record<string, string>, kid, alg: 'ES256', use: 'sig' },
    key: privateKey,
    sign: async (data) => raw(data),
    token: (header, claims) => {
      const input = `${b64(JSON.stringify({ alg: 'ES256', kid, ...header }))}.${b64(JSON.stringify(claims))}`
      return `${input}.${b64(raw(Buffer.from(input)))}`
    },
  }
}

/** An answer to a client. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Readonly<Record<string, unknown>>
  readonly text: string
}

/** A token service in this process, on a real socket. */
export interface Service extends RunningApp {
  readonly issuer: string
  readonly file: string
  readonly post: (path: string, form: string | Readonly<Record<string, string>>, headers?: Readonly<Record<string, string>>) => Promise<Answer>
  /** A right client assertion, or one that is wrong in what is overridden. */
  readonly assertion: (client: string, party: Party, claims?: object, header?: object) => string
}

/** `Authorization` of HTTP Basic, form-encoded inside (RFC 6749 section 2.3.1). */
export function basic(user: string, password: string = SECRET): Readonly<Record<string, string>> {
  const inside = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`
  return { authorization: `Basic ${Buffer.from(inside).toString('base64')}` }
}

/** A client with a secret, for one audience, who may have two scopes. */
export function client(id: string, others: object = {}): object {
  return { client_id: id, client_secret_hashes: [HASH], audiences: ['api'], scope: 'read write', ...others }
}

/** Starts a token service with these clients and trusted issuers. */
export async function startService(clients: readonly object[], issuers: readonly object[] = [], args: readonly string[] = []): Promise<Service> {
  const file = join(newFolder(), 'clients.json')
  writeFileSync(file, JSON.stringify({ clients, issuers }), { mode: 0o600 })
  const app = await startApp('--alg', 'ES256', '--clients', file, ...args)
  const issuer = app.app.issuerAt(app.url)
  return {
    ...app,
    issuer,
    file,
    post: async (path, form, headers = {}) => {
      const body = typeof form === 'string' ? form : new URLSearchParams(form).toString()
      const response = await fetch(`${app.url}${path}`, { method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers } })
      const text = await response.text()
      return { status: response.status, headers: response.headers, text, body: text === '' ? {} : JSON.parse(text) as Record<string, unknown> }
    },
    assertion: (id, party, claims = {}, header = {}) => {
      const now = Math.floor(app.now())
      return party.token(header, { iss: id, sub: id, aud: issuer, iat: now, exp: now + 60, jti: randomUUID(), ...claims })
    },
  }
}
