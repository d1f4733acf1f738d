import { execFileSync, spawn } from 'node:child_process'
import { createHash, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { root } from './setup.js'

/** Servers whose loaded files are counted: a folder for each, its clients, and a successful request for each path. */

const ENTRY = join(root, 'dist', 'server.js')
const SECRET = 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I'
const ISSUER = 'https://platform.example'
const [EXCHANGE, BEARER] = ['token-exchange', 'jwt-bearer'].map((name) => `urn:ietf:params:oauth:grant-type:${name}`)

/** A server that runs. */
export interface Server {
  readonly url: string
  readonly issuer: string
  /** The listener for metrics, or `off`. */
  readonly metrics: string
  readonly pid: number
  /** Resolves with the next line of the log that has this event. */
  readonly heard: (event: string) => Promise<void>
  readonly end: () => Promise<void>
}

type Ask = 'jwks' | 'secret' | 'documents' | 'auth' | 'cases' | 'clients' | 'assertion' | 'grants' | 'dpop' | 'admin' | 'metrics' | 'page'

/** What the clients of a file use: secrets alone; or keys of their own too, and with these more grants, or DPoP. */
type Kind = 'plain' | 'keys' | 'grants' | 'dpop'

/** A folder in which a server runs. */
export interface Site {
  readonly folder: string
  /** Where Node writes what was loaded. */
  readonly coverage: string
  /** Writes a file of clients, and answers its path. */
  readonly clients: (kind: Kind) => string
  /** The options that name a certificate that signs itself, and its key. */
  readonly tls: () => readonly string[]
  /** Successful requests, by what they need. */
  readonly asks: Readonly<Record<Ask, (server: Server) => Promise<void>>>
  readonly remove: () => void
}

/** Makes a folder with a key-encryption key. */
export function newSite(): Site {
  const folder = mkdtempSync(join(tmpdir(), 'jwksd-price-'))
  const coverage = join(folder, 'coverage')
  mkdirSync(coverage)
  mkdirSync(join(folder, 'data'), 0o700)
  execFileSync(process.execPath, [ENTRY, 'kek', 'data/ring.kek'], { cwd: folder })
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    folder,
    coverage,
    tls: () => {
      const made = ['-keyout', 'data/tls.key', '-out', 'data/tls.crt', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
      execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...made], { cwd: folder, stdio: 'ignore' })
      return ['--tls-cert', 'data/tls.crt', '--tls-key', 'data/tls.key']
    },
    clients: (kind) => {
      writeFileSync(join(folder, 'data', 'clients.json'), JSON.stringify(registryOf(kind, keys.publicKey)), { mode: 0o600 })
      return 'data/clients.json'
    },
    asks: asksOf(folder, keys.privateKey, keys.publicKey),
    remove: () => rmSync(folder, { recursive: true }),
  }
}

function registryOf(kind: Kind, key: KeyObject): object {
  const jwks = { keys: [{ ...key.export({ format: 'jwk' }), kid: 'one', alg: 'ES256' }] }
  const hash = createHash('sha256').update(SECRET).digest('base64url')
  const grants = kind === 'grants' ? { grant_types: ['client_credentials', EXCHANGE, BEARER], trusts: [{ issuer: ISSUER, subjects: ['job'] }] } : {}
  const dpop = kind === 'dpop' ? { dpop_bound_access_tokens: false } : {}
  const audiences = ['https://api.example']
  const billing = { client_id: 'billing', client_secret_hashes: [hash], audiences, ...grants, ...dpop }
  const shop = { client_id: 'shop', token_endpoint_auth_method: 'private_key_jwt', jwks, audiences, ...dpop }
  return {
    ...kind === 'grants' ? { issuers: [{ issuer: ISSUER, jwks }] } : {},
    clients: kind === 'plain' ? [billing] : [billing, shop],
  }
}

/** A JWT by the key of the client `shop`, which is the key of the platform too. */
function jwt(header: object, claims: object, key: KeyObject): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const input = `${part({ alg: 'ES256', ...header })}.${part({ iat: now, exp: now + 60, jti: randomUUID(), ...claims })}`
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

/** The parameters of a request for a token with a client assertion, and the header of its DPoP proof. */
export function assertionRequest({ url, issuer }: Server, key: KeyObject, publicKey: KeyObject): readonly [URLSearchParams, Record<string, string>] {
  const claims = { iss: 'shop', sub: 'shop', aud: issuer }
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: jwt({ kid: 'one' }, claims, key),
  })
  const target = issuer.startsWith('https:') ? issuer : url
  const proof = jwt({ typ: 'dpop+jwt', jwk: publicKey.export({ format: 'jwk' }) }, { htm: 'POST', htu: `${target}/token` }, key)
  return [form, { dpop: proof }]
}

const BASIC = { authorization: `Basic ${Buffer.from(`billing:${SECRET}`).toString('base64')}` }

function asksOf(folder: string, key: KeyObject, publicKey: KeyObject): Site['asks'] {
  const token = async (server: Server, form: Record<string, string>, headers = {}): Promise<string> =>
    String((await ask(server, '/token', { body: new URLSearchParams(form), headers: { ...BASIC, ...headers } }))['access_token'])
  const order = (path: string, body?: object): Promise<string> => askSocket(join(folder, 'data', 'admin'), path, body)
  return {
    jwks: async (server) => void await ask(server, '/jwks.json'),
    secret: async (server) => void await token(server, { grant_type: 'client_credentials' }),
    documents: async (server) => {
      const wellKnown = ['jwks.json', 'openid-configuration', 'oauth-authorization-server', 'jwks-history.json']
      for (const path of ['/jwks.json', ...wellKnown.map((name) => `/.well-known/${name}`), '/healthz', '/readyz']) await ask(server, path)
    },
    auth: async (server) => {
      await ask(server, '/auth', { body: '{}', headers: { 'content-type': 'application/json' } })
    },
    cases: async (server) => {
      for (const path of ['/auth/cases', '/auth/stranger-jwks.json']) await ask(server, path)
      for (const query of ['expired=true', 'case=expired']) await ask(server, `/auth?${query}`, { body: '' })
    },
    clients: async (server) => {
      const made = await token(server, { grant_type: 'client_credentials' })
      for (const path of ['/introspect', '/revoke']) await ask(server, path, { body: new URLSearchParams({ token: made }), headers: BASIC })
    },
    assertion: async (server) => {
      const [form] = assertionRequest(server, key, publicKey)
      await ask(server, '/token', { body: form })
    },
    grants: async (server) => {
      const subject = await token(server, { grant_type: 'client_credentials' })
      const type = 'urn:ietf:params:oauth:token-type:access_token'
      await token(server, { grant_type: String(EXCHANGE), subject_token: subject, subject_token_type: type })
      await token(server, { grant_type: String(BEARER), assertion: jwt({ kid: 'one' }, { iss: ISSUER, sub: 'job', aud: server.issuer }, key) })
    },
    dpop: async (server) => {
      const [form, headers] = assertionRequest(server, key, publicKey)
      await ask(server, '/token', { body: form, headers })
    },
    admin: async () => {
      const { keys } = JSON.parse(await order('/keys')) as { keys: readonly { kid: string; state: string; alg: string }[] }
      await order('/rotate', { reason: 'measuring', force: true })
      await order('/metrics')
      await order('/revoke', { kid: keys.find(({ state }) => state === 'active')?.kid, reason: 'measuring', force: true })
    },
    page: async (server) => {
      for (const path of ['/', '/page/state.json', '/page/page.css']) await ask(server, path)
    },
    metrics: async ({ metrics }) => {
      for (const path of ['/metrics', '/healthz', '/readyz']) await ask({ url: metrics }, path)
    },
  }
}

async function ask({ url }: Pick<Server, 'url'>, path: string, init: { body?: string | URLSearchParams; headers?: Record<string, string> } = {}): Promise<Record<string, unknown>> {
  const answer = await fetch(`${url}${path}`, { ...init, method: init.body === undefined ? 'GET' : 'POST', signal: AbortSignal.timeout(10_000) })
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${text}`)
  return text.startsWith('{') ? JSON.parse(text) as Record<string, unknown> : {}
}

async function askSocket(socketPath: string, path: string, body?: object): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const sent = request({ socketPath, path, method: body === undefined ? 'GET' : 'POST', headers: body === undefined ? {} : headers, timeout: 10_000 })
  sent.end(body === undefined ? undefined : JSON.stringify(body))
  const [answer] = await once(sent, 'response') as [import('node:http').IncomingMessage]
  const text = (await answer.toArray()).join('')
  if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.statusCode}: ${text}`)
  return text
}

/** Starts a server in its folder, and waits until it listens. */
export async function startServer(args: readonly string[], { folder, coverage }: Pick<Site, 'folder' | 'coverage'>, nodeArgs: readonly string[] = [], env: Record<string, string> = {}): Promise<Server> {
  const all = { ...process.env, NODE_V8_COVERAGE: coverage, ...env }
  const child = spawn(process.execPath, [...nodeArgs, ENTRY, '--port', '0', ...args], { cwd: folder, env: all, stdio: ['ignore', 'pipe', 'inherit'] })
  const waiting = new Map<string, (line: string) => void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { event } = JSON.parse(line) as { event: string }
    waiting.get(event)?.(line)
  })
  const heard = (event: string): Promise<string> => new Promise((resolve, reject) => {
    waiting.set(event, resolve)
    child.once('exit', (code) => reject(new Error(`The server ended with ${code} before ${event}: ${args.join(' ')}`)))
  })
  const { url, issuer, metrics } = JSON.parse(await heard('server.listening')) as Pick<Server, 'url' | 'issuer' | 'metrics'>
  return {
    url: url.replace('0.0.0.0', '127.0.0.1'),
    issuer,
    metrics,
    pid: child.pid ?? 0,
    heard: async (event) => void await heard(event),
    end: async () => {
      const exit = once(child, 'exit')
      child.kill('SIGTERM')
      await exit
    },
  }
}
