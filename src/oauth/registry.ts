import { parseDuration } from '../core/duration.ts'
import { isObject, type Json, type JsonObject, parseJson } from '../core/json.ts'
import { isLoopbackHost } from '../core/loopback.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { Seconds } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'
import {
  type Client, type ClientAuth, type ClientId, GRANT_TYPES, type GrantType, JWT_BEARER, type Trusted, type TrustedIssuer,
} from './client.ts'
import type { Grant } from './grant.ts'
import { loadGrants } from './grants.ts'
import { inlineKeys, type KeySource } from './key-source.ts'
import type { CheckProof } from './rules.ts'
import { parseScope } from './scope.ts'

/** Every client, every issuer that some of them rely on, and what at least one of them may use. */
export interface Registry {
  readonly clients: ReadonlyMap<string, Client>
  readonly issuers: ReadonlyMap<string, TrustedIssuer>
  readonly grants: readonly Grant[]
  /** Undefined when no client's entry mentions DPoP. */
  readonly checkProof: CheckProof | undefined
}

/** What a file of clients must keep to. */
export interface RegistryRules {
  readonly algs: readonly Alg[]
  readonly maxTtl: Seconds
  /** The keys at an address; the same ones for the same address, so that a new file does not forget them. */
  readonly remote: (url: string) => KeySource
}

/** Claims that the server alone decides; no client has a fixed claim of such a name. */
const RESERVED: ReadonlySet<string> = new Set([
  'iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti', 'client_id', 'scope', 'act', 'cnf',
])
const MEMBERS: ReadonlySet<string> = new Set([
  'client_id', 'token_endpoint_auth_method', 'client_secret_hashes', 'jwks', 'jwks_uri', 'grant_types', 'scope',
  'audiences', 'claims', 'ttl', 'signing_alg', 'dpop_bound_access_tokens', 'trusts',
])
const NAME = /^[\x21-\x7e]{1,256}$/
const HASH = /^[A-Za-z0-9_-]{43}$/
const MAX_HASHES = 2

class Wrong extends Error {
  override readonly name = 'Wrong'
}

/**
 * Reads a file of clients, whose members are named as in RFC 7591 section 2 where that has a name for them, and loads
 * what they may use. All of it is right or none of it counts; the failure names the wrong member, and what is right.
 */
export async function parseRegistry(text: string, rules: RegistryRules): Promise<Result<Registry, string>> {
  const parsed = parseJson(text)
  if (!parsed.ok) return fail(`${parsed.error.member || 'the file'} ${parsed.error.reason}`)
  try {
    return ok(await readRegistry(parsed.value, rules))
  } catch (error) {
    if (error instanceof Wrong) return fail(error.message)
    throw error
  }
}

async function readRegistry(raw: Json, rules: RegistryRules): Promise<Registry> {
  const root = objectOf(raw, 'the file', new Set(['clients', 'issuers']))
  const issuers = await readEach(root['issuers'] ?? [], 'issuers', (entry, at) => readIssuer(entry, at, rules))
  const clients = await readEach(root['clients'], 'clients', (entry, at) => readClient(entry, at, rules))
  const known = uniquely(issuers, ({ issuer }) => issuer, 'issuer')
  const unknown = clients.flatMap(({ trusts }) => trusts).find(({ issuer }) => !known.has(issuer))
  if (unknown !== undefined) throw new Wrong(`issuers must name ${unknown.issuer}, which a client trusts`)
  const usesDpop = (root['clients'] as readonly JsonObject[]).some((entry) => entry['dpop_bound_access_tokens'] !== undefined)
  return {
    clients: uniquely(clients, ({ id }) => id, 'client_id'),
    issuers: known,
    grants: await loadGrants(GRANT_TYPES.filter((type) => clients.some(({ grants }) => grants.includes(type)))),
    checkProof: usesDpop ? (await import('./dpop.ts')).checkProof : undefined,
  }
}

async function readEach<Item>(
  raw: Json | undefined,
  member: string,
  read: (entry: Json, at: string) => Promise<Item>,
): Promise<readonly Item[]> {
  return await Promise.all(listOf(raw, member).map((entry, at) => read(entry, `${member}[${at}]`)))
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
  const audiences = readAudiences(entry['audiences'], `${at}.audiences`)
  const auth = await readAuth(entry, at, rules)
  const { ttl, dpop_bound_access_tokens: dpop = false } = entry as Partial<JsonObject>
  if (typeof dpop !== 'boolean') throw new Wrong(`${at}.dpop_bound_access_tokens must be true or false`)
  return {
    id: nameOf(entry['client_id'], `${at}.client_id`) as ClientId,
    auth,
    audiences,
    scopes: readScopes(entry['scope'], `${at}.scope`),
    grants: readGrants(entry, at, auth),
    claims: readClaims(entry['claims'] ?? {}, `${at}.claims`),
    ttl: ttl === undefined ? undefined : readTtl(ttl, `${at}.ttl`, rules.maxTtl),
    alg: readAlg(entry['signing_alg'], `${at}.signing_alg`, rules.algs),
    dpop,
    trusts: listOf(entry['trusts'] ?? [], `${at}.trusts`).map((one) => readTrust(one, `${at}.trusts`)),
  }
}

function readAudiences(raw: Json | undefined, at: string): Client['audiences'] {
  const [first, ...others] = listOf(raw, at).map((name) => nameOf(name, at))
  if (first === undefined) throw new Wrong(`${at} must name at least one`)
  return [first, ...others]
}

function readScopes(raw: Json | undefined, at: string): readonly string[] {
  const scopes = raw === undefined ? [] : parseScope(raw)
  if (scopes === undefined) throw new Wrong(`${at} must be scope tokens separated by one space`)
  return scopes
}

function readClaims(raw: Json, at: string): JsonObject {
  if (!isObject(raw)) throw new Wrong(`${at} must be an object`)
  const reserved = Object.keys(raw).find((name) => RESERVED.has(name))
  if (reserved !== undefined) throw new Wrong(`${at}.${reserved} is decided by the server`)
  return raw
}

function readAlg(raw: Json | undefined, at: string, algs: readonly Alg[]): Alg | undefined {
  const alg = algs.find((name) => name === raw)
  if (raw !== undefined && alg === undefined) throw new Wrong(`${at} must be one of ${algs.join(', ')}`)
  return alg
}

async function readAuth(entry: JsonObject, at: string, rules: RegistryRules): Promise<ClientAuth> {
  const method = entry['token_endpoint_auth_method'] ?? 'client_secret_basic'
  const hashes = entry['client_secret_hashes']
  const hasKeys = entry['jwks'] !== undefined || entry['jwks_uri'] !== undefined
  if (method === 'private_key_jwt' && hashes === undefined) return { method, keys: await readKeys(entry, at, rules) }
  if (hasKeys) throw new Wrong(`${at} must have either keys, with private_key_jwt, or client_secret_hashes`)
  if (method === 'none' && hashes === undefined) return { method }
  if (method !== 'client_secret_basic' && method !== 'client_secret_post') {
    const methods = 'client_secret_basic, client_secret_post, private_key_jwt or none'
    throw new Wrong(`${at}.token_endpoint_auth_method must be ${methods}`)
  }
  const isHash = (hash: Json): hash is string => typeof hash === 'string' && HASH.test(hash)
  const list = listOf(hashes, `${at}.client_secret_hashes`).filter(isHash)
  if (list.length === 0 || list.length > MAX_HASHES || list.length < (hashes as readonly Json[]).length) {
    throw new Wrong(`${at}.client_secret_hashes must be one or two SHA-256 in base64url; jwksd client add makes them`)
  }
  return { method, hashes: list }
}

function readGrants(entry: JsonObject, at: string, { method }: ClientAuth): readonly GrantType[] {
  const names = listOf(entry['grant_types'] ?? ['client_credentials'], `${at}.grant_types`)
  const grants = GRANT_TYPES.filter((type) => names.includes(type))
  if (grants.length === 0 || grants.length < names.length) {
    throw new Wrong(`${at}.grant_types must be some of ${GRANT_TYPES.join(', ')}, each once`)
  }
  // A client that proves nothing gets only what an assertion earns.
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
  const unknown = Object.keys(raw).find((name) => !members.has(name))
  if (unknown !== undefined) throw new Wrong(`${at} has an unknown member ${JSON.stringify(unknown)}`)
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
