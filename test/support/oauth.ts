import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encodeBase64url } from '../../src/core/encoding.ts'
import { sha256 } from '../../src/jose/digest.ts'
import type { Kid, PublicJwk } from '../../src/jose/jwk.ts'
import type { Signer } from '../../src/jose/signer.ts'
import { inputOf } from '../../src/testkit/kit.ts'
import { type RunningApp, startApp } from './app.ts'
import { newFolder } from './folder.ts'

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
  readonly signer: Signer
  readonly token: (header: object, claims: object) => string
}

/** Makes somebody. */
export function newParty(kid = 'key-1'): Party {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const raw = (data: Uint8Array): Uint8Array => sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  const jwk = { ...publicKey.export({ format: 'jwk' }) as Record<string, string>, kid, alg: 'ES256', use: 'sig' }
  return {
    jwk,
    key: privateKey,
    signer: { alg: 'ES256', kid: kid as Kid, jwk: jwk as unknown as PublicJwk, sign: async (data) => raw(data) },
    token: (header, claims) => {
      const input = inputOf({ alg: 'ES256', kid, ...header }, claims)
      return `${input}.${encodeBase64url(raw(Buffer.from(input)))}`
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

type Texts = Readonly<Record<string, string>>

/** A token service in this process, on a real socket. */
export interface Service extends RunningApp {
  readonly issuer: string
  readonly file: string
  readonly post: (path: string, form: string | Texts, headers?: Texts) => Promise<Answer>
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
export async function startService(
  clients: readonly object[],
  issuers: readonly object[] = [],
  args: readonly string[] = [],
): Promise<Service> {
  const file = join(newFolder(), 'clients.json')
  writeFileSync(file, JSON.stringify({ clients, issuers }), { mode: 0o600 })
  const app = await startApp(...args.includes('--alg') ? [] : ['--alg', 'ES256'], '--clients', file, ...args)
  const issuer = app.app.issuerAt(app.url)
  return {
    ...app,
    issuer,
    file,
    post: async (path, form, others = {}) => {
      const body = typeof form === 'string' ? form : new URLSearchParams(form).toString()
      const sent = { 'content-type': 'application/x-www-form-urlencoded', ...others }
      const response = await fetch(`${app.url}${path}`, { method: 'POST', body, headers: sent })
      const { status, headers } = response
      const text = await response.text()
      return { status, headers, text, body: JSON.parse(text === '' ? '{}' : text) as Answer['body'] }
    },
    assertion: (id, party, claims = {}, header = {}) => {
      const iat = Math.floor(app.now())
      const usual = { iss: id, sub: id, aud: issuer, iat, exp: iat + 60, jti: randomUUID() }
      return party.token(header, { ...usual, ...claims })
    },
  }
}
