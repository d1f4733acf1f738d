import { parseDuration } from '../core/duration.ts'
import { isObject, type Json, type JsonObject, parseJson } from '../core/json.ts'
import { isLoopbackHost } from '../core/loopback.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { Seconds } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'
import { type Client, type ClientAuth, type ClientId, GRANT_TYPES, type GrantType, JWT_BEARER, type Registry, type Trusted, type TrustedIssuer } from './client.ts'
import { inlineKeys, type KeySource } from './key-source.ts'
import { parseScope } from './scope.ts'

/** What a file of clients is held against. */
export interface RegistryRules {
  readonly algs: readonly Alg[]
  readonly maxTtl: Seconds
  /** The keys at an address; the same ones for the same address, so that a new file does not forget them. */
  readonly remote: (url: string) => KeySource
}

/** What a token says on our word alone; no client has a fixed claim of such a name. */
const RESERVED: ReadonlySet<string> = new Set(['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti', 'client_id', 'scope', 'act', 'cnf'])
const MEMBERS: ReadonlySet<string> = new Set([
  'client_id', 'token_endpoint_auth_method', 'client_secret_hashes', 'jwks', 'jwks_uri', 'grant_types', 'scope',
  'audiences', 'claims', 'ttl', 'signing_alg', 'dpop_bound_access_tokens', 'trusts',
])
const NAME = /^[\x21-\x7e]{1,256}$/
const HASH = /^[A-Za-z0-9_-]{43}$/
const MOST_HASHES = 2

class Wrong extends Error {
  override readonly name = 'Wrong'
}

/**
 * Reads a file of clients, whose members are named as in RFC 7591 section 2 where that has a name for them. All of it
 * is right or none of it counts; the failure says which member is wrong, and what would be right.
 */
export async function parseRegistry(text: string, rules: RegistryRules): Promise<Result<Registry, string>> {
  const parsed = parseJson(text)
  if (!parsed.ok) return fail(`${parsed.error.member || 'the file'} ${parsed.error.reason}`)
  try {
    const root = objectOf(parsed.value, 'the file', new Set(['clients', 'issuers']))
    const issuers = await Promise.all(listOf(root['issuers'] ?? [], 'issuers').map((raw, at) => readIssuer(raw, `issuers[${at}]`, rules)))
    const clients = await Promise.all(listOf(root['clients'], 'clients').map((raw, at) => readClient(raw, `clients[${at}]`, rules)))
    const registry = { clients: uniquely(clients, ({ id }) => id, 'client_id'), issuers: uniquely(issuers, ({ issuer }) => issuer, 'issuer') }
    const stranger = clients.flatMap(({ trusts }) => trusts).find(({ issuer }) => !registry.issuers.has(issuer))
    if (stranger !== undefined) throw new Wrong(`issuers must name ${stranger.issuer}, which a client trusts`)
    return ok(registry)
  } catch (error) {
    if (error instanceof Wrong) return fail(error.message)
    throw error
  }
}

function uniquely<Item>(items: readonly Item[], nameOf: (item: Item) => string, member: string): ReadonlyMap<string, Item> {
  const map = new Map(items.map((item) => [nameOf(item), item]))
  if (map.size < items.length) throw new Wrong(`${member} must be different in each`)
  return map
}

async function readIssuer(raw: Json, at: string, rules: RegistryRules): Promise<TrustedIssuer> {
  const entry = objectOf(raw, at, new Set(['issuer', 'jwks', 'jwks_uri']))
  return { issuer: nameOf(entry['issuer'], `${at}.issuer`), keys: await readKeys(entry, at, rules) }
}

async function readClient(raw: Json, at: string, rules: RegistryRules): Promise<Client> {
  const entry = objectOf(raw, at, MEMBERS)
  const { client_id: id, scope, ttl, signing_alg: alg, claims = {}, dpop_bound_access_tokens: dpop = false } = entry as Partial<JsonObject>
  const audiences = listOf(entry['audiences'], `${at}.audiences`).map((name) => nameOf(name, `${at}.audiences`))
  const [first, ...others] = audiences
  if (first === undefined) throw new Wrong(`${at}.audiences must name at least one`)
  const scopes = scope === undefined ? [] : parseScope(scope)
  if (scopes === undefined) throw new Wrong(`${at}.scope must be scope tokens separated by one space`)
  const line = rules.algs.find((name) => name === alg)
  if (alg !== undefined && line === undefined) throw new Wrong(`${at}.signing_alg must be one of ${rules.algs.join(', ')}`)
  if (!isObject(claims)) throw new Wrong(`${at}.claims must be an object`)
  const reserved = Object.keys(claims).find((name) => RESERVED.has(name))
  if (reserved !== undefined) throw new Wrong(`${at}.claims.${reserved} is decided by the server`)
  if (typeof dpop !== 'boolean') throw new Wrong(`${at}.dpop_bound_access_tokens must be true or false`)
  const auth = await readAuth(entry, at, rules)
  const grants = readGrants(entry, at, auth)
  const trusts = listOf(entry['trusts'] ?? [], `${at}.trusts`).map((one) => readTrust(one, `${at}.trusts`))
  const life = ttl === undefined ? undefined : readTtl(ttl, `${at}.ttl`, rules.maxTtl)
  return { id: nameOf(id, `${at}.client_id`) as ClientId, auth, audiences: [first, ...others], scopes, grants, claims, ttl: life, alg: line, dpop, trusts }
}

async function readAuth(entry: JsonObject, at: string, rules: RegistryRules): Promise<ClientAuth> {
  const { token_endpoint_auth_method: method = 'client_secret_basic', client_secret_hashes: hashes } = entry as Partial<JsonObject>
  const hasKeys = entry['jwks'] !== undefined || entry['jwks_uri'] !== undefined
  if (method === 'private_key_jwt' && hashes === undefined) return { method, keys: await readKeys(entry, at, rules) }
  if (hasKeys) throw new Wrong(`${at} must have either keys, with private_key_jwt, or client_secret_hashes`)
  if (method === 'none' && hashes === undefined) return { method }
  if (method !== 'client_secret_basic' && method !== 'client_secret_post') {
    throw new Wrong(`${at}.token_endpoint_auth_method must be client_secret_basic, client_secret_post, private_key_jwt or none`)
  }
  const list = listOf(hashes, `${at}.client_secret_hashes`).filter((hash) => typeof hash === 'string' && HASH.test(hash)) as string[]
  if (list.length === 0 || list.length > MOST_HASHES || list.length < (hashes as readonly Json[]).length) {
    throw new Wrong(`${at}.client_secret_hashes must be one or two SHA-256 in base64url; jwksd client add makes them`)
  }
  return { method, hashes: list }
}

function readGrants(entry: JsonObject, at: string, { method }: ClientAuth): readonly GrantType[] {
  const names = listOf(entry['grant_types'] ?? ['client_credentials'], `${at}.grant_types`)
  const grants = GRANT_TYPES.filter((type) => names.includes(type))
  if (grants.length === 0 || grants.length < names.length) throw new Wrong(`${at}.grant_types must be some of ${GRANT_TYPES.join(', ')}, each once`)
  // Whoever proves nothing gets nothing but what an assertion earns.
  if (method === 'none' && grants.some((type) => type !== JWT_BEARER)) {
    throw new Wrong(`${at}.grant_types must be jwt-bearer alone where token_endpoint_auth_method is none`)
  }
  return grants
}

function readTrust(raw: Json, at: string): Trusted {
  const entry = objectOf(raw, at, new Set(['issuer', 'subjects']))
  const subjects = listOf(entry['subjects'], `${at}.subjects`)
  const isRight = subjects.length > 0 && subjects.every((name) => typeof name === 'string' && /^[^*]+\*?$/.test(name))
  if (!isRight) throw new Wrong(`${at}.subjects must be texts, of which each may end in *`)
  return { issuer: nameOf(entry['issuer'], `${at}.issuer`), subjects: subjects as readonly string[] }
}

async function readKeys({ jwks, jwks_uri: url }: JsonObject, at: string, { remote }: RegistryRules): Promise<KeySource> {
  if ((jwks === undefined) === (url === undefined)) throw new Wrong(`${at} must have jwks or jwks_uri`)
  if (url === undefined) {
    const keys = await inlineKeys(jwks)
    if (keys === undefined) throw new Wrong(`${at}.jwks must hold a public key that can be used`)
    return keys
  }
  if (typeof url !== 'string' || !isSafeUrl(url)) throw new Wrong(`${at}.jwks_uri must be an https URL; http is for loopback addresses`)
  return remote(url)
}

function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, host, username, password } = new URL(text)
  return username === '' && password === '' && (protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(host)))
}

function readTtl(raw: Json, at: string, most: Seconds): Seconds {
  const ttl = typeof raw === 'string' ? parseDuration(raw) : undefined
  if (ttl === undefined || ttl < 1 || ttl > most) throw new Wrong(`${at} must be a duration from 1s to ${most}s`)
  return ttl
}

function objectOf(raw: Json | undefined, at: string, members: ReadonlySet<string>): JsonObject {
  if (!isObject(raw)) throw new Wrong(`${at} must be an object`)
  const stray = Object.keys(raw).find((name) => !members.has(name))
  if (stray !== undefined) throw new Wrong(`${at} has a member ${JSON.stringify(stray)} that means nothing`)
  return raw
}

function listOf(raw: Json | undefined, at: string): readonly Json[] {
  if (!Array.isArray(raw)) throw new Wrong(`${at} must be a list`)
  return raw
}

function nameOf(raw: Json | undefined, at: string): string {
  if (typeof raw !== 'string' || !NAME.test(raw)) throw new Wrong(`${at} must be a text of 1 to 256 visible ASCII characters`)
  return raw
}
