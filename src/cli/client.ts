import { realpath } from 'node:fs/promises'
import type { Config } from '../config/config.ts'
import { encodeBase64url } from '../core/encoding.ts'
import { errnoOf, systemSays } from '../core/errno.ts'
import { isObject, type Json, type JsonObject, parseJsonBytes } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { sha256 } from '../jose/digest.ts'
import { NO_MARKS } from '../keyring/policy.ts'
import { parseRegistry } from '../oauth/registry.ts'
import { EXIT, refuse } from '../system/exit.ts'
import type { ReadRules } from '../system/file-rules.ts'
import { readPrivate } from '../system/private-file.ts'
import { systemRandom } from '../system/random.ts'
import { replaceFile } from '../system/replace-file.ts'
import type { Command } from './command.ts'

type Own = Readonly<Record<string, string>>

/** Nobody can guess a secret this long, so a plain SHA-256 of it is enough in the file. */
const SECRET_BYTES = 32
const MAX_FILE_BYTES = 64 * 1024 * 1024

/** `jwksd client add NAME`: writes a client into the clients file, and prints its secret, which is stored nowhere. */
export const client: Command = {
  words: ['add', 'NAME'],
  flags: [
    { name: 'audience', value: 'NAME,...', meaning: 'the audiences that its tokens may have, the default first' },
    { name: 'scope', value: 'SCOPE', meaning: 'the scope that its tokens may have' },
    {
      name: 'auth', value: 'METHOD',
      meaning: 'client_secret_basic (the default), client_secret_post, or private_key_jwt with --jwks or --jwks-uri',
    },
    { name: 'grant', value: 'GRANT,...', meaning: 'its grants; client_credentials by default' },
    { name: 'jwks', value: 'FILE', meaning: 'a file with its public keys' },
    { name: 'jwks-uri', value: 'URL', meaning: 'the URL of its public keys' },
    { name: 'rotate', value: '', meaning: 'add a second secret to a registered client; a third replaces the oldest' },
  ],
  meaning: 'Register a client in the file that --clients names, and print its secret, once.',
  example: 'jwksd client add shop --clients clients.json --audience api',
  run: ({ config, own, words: [, name = ''] }) => addClient(config, name, own),
}

/** Adds a client to the clients file of a configuration, and prints its secret; `own` are flags of `client add`. */
export async function addClient(config: Config, name: string, own: Own): Promise<void> {
  const path = config.clients
  if (path === undefined) return refuse(EXIT.config, '--clients is not set. Name the clients file: --clients PATH')
  const root = await readObject(path, { ...rulesOf(config), makes: true, isManaged: true })
  if (!root.ok) return refuse(EXIT.config, root.error)
  const secret = encodeBase64url(systemRandom(SECRET_BYTES))
  const addition = { name, own, hash: sha256(secret), rules: rulesOf(config) }
  const clients = await changed(root.value?.['clients'] ?? [], addition)
  if (!clients.ok) return refuse(EXIT.config, clients.error)
  const text = `${JSON.stringify({ ...root.value, clients: clients.value }, undefined, 2)}\n`
  const { algs, timing: { maxTtl } } = config.policy(NO_MARKS)
  const registry = await parseRegistry(text, { algs, maxTtl, remote: () => async () => undefined })
  if (!registry.ok) return refuse(EXIT.config, `${path} would not be valid: ${registry.error}`)
  try {
    // A link stays, and leads to the new file.
    const target = root.value === undefined ? path : await realpath(path)
    await replaceFile({ path: target, content: text, randomBytes: systemRandom })
  } catch (error) {
    return refuse(EXIT.refused, `Cannot write ${path}: ${systemSays(error)}`)
  }
  const hasSecret = registry.value.clients.get(name)?.auth.method.startsWith('client_secret') === true
  const shown = hasSecret ? `client_secret: ${secret}\n(shown once: ${path} holds its SHA-256)\n` : ''
  process.stdout.write(`client_id:     ${name}\n${shown}`)
}

function rulesOf({ allowShared }: Config): ReadRules {
  return { othersMay: 'read', allowShared, followsLinks: true, maxBytes: MAX_FILE_BYTES }
}

/** The object in a JSON file; undefined when the file does not exist. */
async function readObject(path: string, rules: ReadRules): Promise<Result<JsonObject | undefined, string>> {
  const read = await readPrivate(path, rules)
  if (!read.ok && errnoOf(read.error.cause ?? {}).code === 'ENOENT') return ok(undefined)
  if (!read.ok) return fail(`Cannot use ${path}: ${read.error.problem}`)
  const parsed = parseJsonBytes(read.value)
  return parsed.ok && isObject(parsed.value) ? ok(parsed.value) : fail(`${path} is not a JSON object`)
}

/** The JWK Set in a file, which may hold one JWK instead. */
async function readKeys(path: string, rules: ReadRules): Promise<Result<JsonObject, string>> {
  const read = await readObject(path, rules)
  if (!read.ok) return read
  if (read.value === undefined) return fail(`${path} does not exist`)
  return ok('keys' in read.value ? read.value : { keys: [read.value] })
}

/** What `client add` was asked to do, and the hash of a new secret. */
interface Addition {
  readonly name: string
  readonly hash: string
  readonly own: Own
  /** What a file of public keys must be. */
  readonly rules: ReadRules
}

async function changed(list: Json, addition: Addition): Promise<Result<readonly Json[], string>> {
  const { name, hash, own } = addition
  const clients = Array.isArray(list) ? list : []
  const at = clients.findIndex((client) => isObject(client) && client['client_id'] === name)
  const present = clients[at]
  if (own['rotate'] === undefined) {
    if (present !== undefined) return fail(`${name} is registered already. Use --rotate to give it a second secret`)
    const made = await newClient(addition)
    return made.ok ? ok([...clients, made.value]) : made
  }
  const hashes = isObject(present) ? present['client_secret_hashes'] : undefined
  if (!isObject(present) || !Array.isArray(hashes)) return fail(`${name} is not registered with a secret`)
  return ok(clients.with(at, { ...present, client_secret_hashes: [hash, ...hashes.slice(0, 1)] }))
}

async function newClient({ name, hash, own, rules }: Addition): Promise<Result<JsonObject, string>> {
  const { audience, scope, auth = 'client_secret_basic', grant, jwks, 'jwks-uri': url } = own
  if (audience === undefined) return fail('--audience is not set. Name the audiences that its tokens may have')
  const keys = jwks === undefined ? ok(undefined) : await readKeys(jwks, rules)
  if (!keys.ok) return keys
  return ok({
    client_id: name,
    token_endpoint_auth_method: auth,
    ...(auth === 'private_key_jwt' ? {} : { client_secret_hashes: [hash] }),
    ...(keys.value === undefined ? {} : { jwks: keys.value }),
    ...(url === undefined ? {} : { jwks_uri: url }),
    ...(grant === undefined ? {} : { grant_types: grant.split(',') }),
    audiences: audience.split(','),
    ...(scope === undefined ? {} : { scope }),
  })
}
