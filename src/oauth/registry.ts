import { type Json, type JsonObject, parseJson } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { Seconds } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'
import {
  type Client, CLIENT_CREDENTIALS, type ClientAuth, type ClientId, type GrantType, JWT_BEARER, type KeyRules,
  TOKEN_EXCHANGE,
} from './client.ts'
import {
  claimsOf, durationUpTo, flagOf, hashesOf, listOf, nameOf, objectOf, oneOf, optional, type Reader, scopesOf,
  Wrong,
} from './members.ts'
import type { Grant, Registry } from './rules.ts'
import { clientCredentials } from './token.ts'

/** What a file of clients must keep to. */
export interface RegistryRules extends KeyRules {
  readonly algs: readonly Alg[]
  readonly maxTtl: Seconds
  /** The issuer of this server, where it is configured. */
  readonly issuer?: string | undefined
}

/** Where each grant is; what no client may use stays unloaded. */
const GRANTS: Readonly<Record<GrantType, () => Promise<Grant>>> = {
  [CLIENT_CREDENTIALS]: async () => clientCredentials,
  [TOKEN_EXCHANGE]: async () => (await import('./token-exchange.ts')).tokenExchange,
  [JWT_BEARER]: async () => (await import('./jwt-bearer.ts')).jwtBearer,
}
const GRANT_TYPES = Object.keys(GRANTS) as readonly GrantType[]

const METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'] as const

const fileOf = objectOf('clients', 'issuers')
const clientOf = objectOf(
  'client_id', 'token_endpoint_auth_method', 'client_secret_hashes', 'jwks', 'jwks_uri', 'grant_types', 'scope',
  'audiences', 'claims', 'ttl', 'signing_alg', 'dpop_bound_access_tokens', 'trusts',
)

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
  const { clients: rawClients, issuers: rawIssuers } = fileOf(raw, 'the file')
  const issuers = rawIssuers === undefined ? [] : await (await import('./trust.ts')).readIssuers(rawIssuers, rules)
  const clients = await Promise.all(listOf((entry, at) => readClient(entry, at, rules))(rawClients, 'clients'))
  const keysOf = mapOf(issuers, 'issuer')
  const unknown = clients.flatMap(({ trusts }) => trusts).find(({ issuer }) => !keysOf.has(issuer))
  if (unknown !== undefined) throw new Wrong(`issuers must name ${unknown.issuer}, which a client trusts`)
  const granted = GRANT_TYPES.filter((type) => clients.some(({ grants }) => grants.includes(type)))
  const hasKeys = clients.some(({ auth }) => auth.method === 'private_key_jwt')
  const hasProofs = clients.some(({ dpop }) => dpop !== undefined)
  return {
    clients: mapOf(clients.map((client) => [client.id, client]), 'client_id'),
    issuers: keysOf,
    grants: await Promise.all(granted.map((type) => GRANTS[type]())),
    checkAssertion: hasKeys ? (await import('./assertion.ts')).checkAssertion : undefined,
    checkProof: hasProofs ? (await import('./dpop.ts')).checkProof : undefined,
  }
}

type Entry<Value> = readonly [name: string, value: Value]

function mapOf<Value>(entries: readonly Entry<Value>[], member: string): ReadonlyMap<string, Value> {
  const map = new Map(entries)
  if (map.size < entries.length) throw new Wrong(`${member} must be different in each`)
  return map
}

async function readClient(raw: Json | undefined, at: string, rules: RegistryRules): Promise<Client> {
  const entry = clientOf(raw, at)
  const read = <Value>(member: string, reader: Reader<Value>): Value => reader(entry[member], `${at}.${member}`)
  const audiences = read('audiences', listOf(nameOf))
  if (audiences.length === 0) {
    throw new Wrong(`${at}.audiences must name at least one; a client learns only of tokens for its audiences`)
  }
  const auth = await readAuth(entry, at, rules)
  return {
    id: read('client_id', nameOf) as ClientId,
    auth,
    audiences,
    scopes: read('scope', optional(scopesOf, [])),
    grants: read('grant_types', (value, place) => readGrants(value, place, auth)),
    claims: read('claims', optional(claimsOf, {})),
    ttl: read('ttl', optional(durationUpTo(rules.maxTtl), undefined)),
    alg: read('signing_alg', optional(oneOf(rules.algs), undefined)),
    dpop: read('dpop_bound_access_tokens', optional(flagOf, undefined)),
    trusts: entry['trusts'] === undefined ? [] : read('trusts', (await import('./trust.ts')).readTrusts),
  }
}

async function readAuth(entry: JsonObject, at: string, rules: RegistryRules): Promise<ClientAuth> {
  const { token_endpoint_auth_method: raw, client_secret_hashes: hashes, jwks, jwks_uri: url } = entry
  const method = optional(oneOf(METHODS), METHODS[0])(raw, `${at}.token_endpoint_auth_method`)
  const hasOther = method === 'private_key_jwt' ? hashes !== undefined : jwks !== undefined || url !== undefined
  if (hasOther) throw new Wrong(`${at} must have either keys, with private_key_jwt, or client_secret_hashes`)
  if (method === 'private_key_jwt') {
    return { method, keys: await (await import('./key-source.ts')).readKeys(entry, at, rules) }
  }
  if (method !== 'none') return { method, hashes: hashesOf(hashes, `${at}.client_secret_hashes`) }
  if (hashes !== undefined) throw new Wrong(`${at} must have no client_secret_hashes, since its method is none`)
  return { method }
}

function readGrants(raw: Json = [CLIENT_CREDENTIALS], at: string, { method }: ClientAuth): readonly GrantType[] {
  const names = Array.isArray(raw) ? raw : []
  const grants = GRANT_TYPES.filter((type) => names.includes(type))
  const isRight = Array.isArray(raw) && grants.length === names.length
  if (!isRight) throw new Wrong(`${at} must be some of ${GRANT_TYPES.join(', ')}, each once, or [] to introspect only`)
  // A client that proves nothing gets only what an assertion earns.
  const isOpen = method === 'none' && !(grants.length === 1 && grants[0] === JWT_BEARER)
  if (isOpen) throw new Wrong(`${at} must be jwt-bearer alone where token_endpoint_auth_method is none`)
  return grants
}
