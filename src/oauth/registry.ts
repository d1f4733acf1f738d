import { isObject, type Json, type JsonObject, parseJson } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { Seconds } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'
import {
  type Client, type ClientAuth, type ClientId, GRANT_TYPES, type GrantType, JWT_BEARER, type KeySource,
  type TrustedIssuer,
} from './client.ts'
import { loadGrants } from './grants.ts'
import {
  claimsOf, durationOf, flagOf, hashesOf, isSafeUrl, listOf, nameOf, objectOf, oneOf, scopesOf, subjectsOf, Wrong,
} from './members.ts'
import type { Registry } from './rules.ts'

/** What a file of clients must keep to. */
export interface RegistryRules {
  readonly algs: readonly Alg[]
  readonly maxTtl: Seconds
  /** The keys at an address; the same ones for the same address, so that a new file does not forget them. */
  readonly remote: (url: string) => KeySource | Promise<KeySource>
}

const MEMBERS: ReadonlySet<string> = new Set([
  'client_id', 'token_endpoint_auth_method', 'client_secret_hashes', 'jwks', 'jwks_uri', 'grant_types', 'scope',
  'audiences', 'claims', 'ttl', 'signing_alg', 'dpop_bound_access_tokens', 'trusts',
])
const METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'] as const

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
  const hasKeys = clients.some(({ auth }) => auth.method === 'private_key_jwt')
  return {
    clients: uniquely(clients, ({ id }) => id, 'client_id'),
    issuers: known,
    grants: await loadGrants(GRANT_TYPES.filter((type) => clients.some(({ grants }) => grants.includes(type)))),
    checkAssertion: hasKeys ? (await import('./assertion.ts')).checkAssertion : undefined,
    checkProof: clients.some(({ dpop }) => dpop !== undefined) ? (await import('./dpop.ts')).checkProof : undefined,
  }
}

async function readEach<Item>(
  raw: Json | undefined,
  member: string,
  read: (entry: Json, at: string) => Promise<Item>,
): Promise<readonly Item[]> {
  return await Promise.all(listOf(raw, member).map((entry, at) => read(entry, `${member}[${at}]`)))
}

type Keyed<Item> = ReadonlyMap<string, Item>

function uniquely<Item>(items: readonly Item[], keyOf: (item: Item) => string, member: string): Keyed<Item> {
  const map = new Map(items.map((item) => [keyOf(item), item]))
  if (map.size < items.length) throw new Wrong(`${member} must be different in each`)
  return map
}

async function readIssuer(raw: Json, at: string, rules: RegistryRules): Promise<TrustedIssuer> {
  const entry = objectOf(raw, at, new Set(['issuer', 'jwks', 'jwks_uri']))
  return { issuer: nameOf(entry['issuer'], `${at}.issuer`), keys: await readKeys(entry, at, rules) }
}

async function readClient(raw: Json, at: string, rules: RegistryRules): Promise<Client> {
  const entry = objectOf(raw, at, MEMBERS)
  const read = <Value>(member: string, reader: (raw: Json | undefined, at: string) => Value): Value =>
    reader(entry[member], `${at}.${member}`)
  const [audience, ...audiences] = read('audiences', listOf).map((name) => nameOf(name, `${at}.audiences`))
  if (audience === undefined) throw new Wrong(`${at}.audiences must name at least one`)
  const auth = await readAuth(entry, at, rules)
  return {
    id: read('client_id', nameOf) as ClientId,
    auth,
    audiences: [audience, ...audiences],
    scopes: read('scope', scopesOf),
    grants: readGrants(entry['grant_types'], `${at}.grant_types`, auth),
    claims: read('claims', claimsOf),
    ttl: read('ttl', (ttl, place) => durationOf(ttl, place, rules.maxTtl)),
    alg: read('signing_alg', (alg, place) => alg === undefined ? undefined : oneOf(rules.algs, alg, place)),
    dpop: read('dpop_bound_access_tokens', flagOf),
    trusts: listOf(entry['trusts'] ?? [], `${at}.trusts`).map((one) => readTrust(one, `${at}.trusts`)),
  }
}

async function readAuth(entry: JsonObject, at: string, rules: RegistryRules): Promise<ClientAuth> {
  const hashes = entry['client_secret_hashes']
  const method = oneOf(METHODS, entry['token_endpoint_auth_method'] ?? METHODS[0], `${at}.token_endpoint_auth_method`)
  if (method === 'private_key_jwt' && hashes === undefined) return { method, keys: await readKeys(entry, at, rules) }
  if (method === 'private_key_jwt' || entry['jwks'] !== undefined || entry['jwks_uri'] !== undefined) {
    throw new Wrong(`${at} must have either keys, with private_key_jwt, or client_secret_hashes`)
  }
  if (method === 'none' && hashes === undefined) return { method }
  if (method === 'none') throw new Wrong(`${at} must have no client_secret_hashes, since its method is none`)
  return { method, hashes: hashesOf(hashes, `${at}.client_secret_hashes`) }
}

function readGrants(raw: Json = ['client_credentials'], at: string, { method }: ClientAuth): readonly GrantType[] {
  const names = listOf(raw, at)
  const grants = GRANT_TYPES.filter((type) => names.includes(type))
  const isRight = grants.length > 0 && grants.length === names.length
  if (!isRight) throw new Wrong(`${at} must be some of ${GRANT_TYPES.join(', ')}, each once`)
  // A client that proves nothing gets only what an assertion earns.
  const isOpen = method === 'none' && grants.some((type) => type !== JWT_BEARER)
  if (isOpen) throw new Wrong(`${at} must be jwt-bearer alone where token_endpoint_auth_method is none`)
  return grants
}

function readTrust(raw: Json, at: string): Client['trusts'][number] {
  const entry = objectOf(raw, at, new Set(['issuer', 'subjects']))
  return { issuer: nameOf(entry['issuer'], `${at}.issuer`), subjects: subjectsOf(entry['subjects'], `${at}.subjects`) }
}

async function readKeys(entry: JsonObject, at: string, { remote }: RegistryRules): Promise<KeySource> {
  const { jwks, jwks_uri: url } = entry
  if ((jwks === undefined) === (url === undefined)) throw new Wrong(`${at} must have jwks or jwks_uri`)
  if (url !== undefined) {
    if (typeof url === 'string' && isSafeUrl(url)) return await remote(url)
    throw new Wrong(`${at}.jwks_uri must be an https URL; http is for loopback addresses`)
  }
  const keys = isObject(jwks) ? await (await import('./key-source.ts')).inlineKeys(jwks) : undefined
  if (keys === undefined) throw new Wrong(`${at}.jwks must hold a public key that can be used`)
  return keys
}
