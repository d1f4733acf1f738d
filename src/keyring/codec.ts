import { type Base64Url, decodeBase64url } from '../core/base64url.ts'
import { isObject, type Json, type JsonObject, parseJson } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type Instant, instant, type Seconds, seconds } from '../core/time.ts'
import { parsePublicJwk, type PublicJwk } from '../jose/jwk.ts'
import type { SealedKey } from '../jose/wrap.ts'
import { KeyringFault } from './fault.ts'
import type { HighWaterMarks } from './policy.ts'
import type { Key, Ring } from './ring.ts'
import type { Stored } from './store.ts'

/** Why a stored document is no ring of ours; `member` names what is at fault. */
export interface CodecFault {
  readonly code: 'newer_format' | 'damaged'
  readonly member: string
}

/** The number that a document carries; a higher one was written by a later jwksd. */
export const FORMAT = 1

/** Writes a ring as the JSON document that every store keeps; private halves are in it as they were sealed. */
export function encodeRing({ keys, marks }: Ring): string {
  return JSON.stringify({ format: FORMAT, marks, keys })
}

/** Reads a stored document; every member is checked, and nothing is repaired. */
export function decodeRing(document: string): Result<Ring, CodecFault> {
  const parsed = parseJson(document)
  if (!parsed.ok) return fail({ code: 'damaged', member: parsed.error.member })
  const root = parsed.value
  if (!isObject(root)) return fail({ code: 'damaged', member: '' })
  const format = root['format']
  if (typeof format === 'number' && format > FORMAT) return fail({ code: 'newer_format', member: 'format' })
  if (format !== FORMAT) return fail({ code: 'damaged', member: 'format' })
  try {
    return ok({ marks: readMarks(root['marks']), keys: readKeys(root['keys']) })
  } catch (error) {
    if (error instanceof Damaged) return fail({ code: 'damaged', member: error.member })
    throw error
  }
}

/** The ring that a store holds; throws a `KeyringFault` that names the member at fault when it is none of ours. */
export function storedRing({ document }: Stored): Ring {
  const ring = decodeRing(document)
  if (ring.ok) return ring.value
  throw new KeyringFault(ring.error.code, `Cannot read ${ring.error.member === '' ? 'the document' : ring.error.member}`)
}

class Damaged extends Error {
  override readonly name = 'Damaged'
  readonly member: string

  constructor(member: string) {
    super(`Cannot read ${member}`)
    this.member = member
  }
}

function readMarks(raw: Json | undefined): HighWaterMarks {
  if (!isObject(raw)) throw new Damaged('marks')
  return { maxTtl: readSeconds(raw, 'maxTtl'), maxAge: readSeconds(raw, 'maxAge') }
}

function readKeys(raw: Json | undefined): readonly Key[] {
  // A ring without keys is never written: reading one as empty would start afresh over what was lost.
  if (!Array.isArray(raw) || raw.length === 0) throw new Damaged('keys')
  const keys = raw.map(readKey)
  const kids = new Set(keys.map(({ jwk }) => jwk.kid))
  const lines = keys.filter(({ state }) => state !== 'retired').map(({ state, jwk }) => `${state} ${jwk.alg}`)
  if (kids.size < keys.length || new Set(lines).size < lines.length) throw new Damaged('keys')
  return keys
}

/** The members of a key in each state; another member would be read by nobody, and so belongs to no key of ours. */
const MEMBERS: ReadonlyMap<Json | undefined, readonly string[]> = new Map([
  ['standby', ['state', 'jwk', 'sealed', 'publishedAt']],
  ['active', ['state', 'jwk', 'sealed', 'publishedAt', 'activeAt']],
  ['retired', ['state', 'jwk', 'publishedAt', 'activeAt', 'retiredAt']],
])

function readKey(raw: Json): Key {
  if (!isObject(raw)) throw new Damaged('keys')
  const stray = Object.keys(raw).find((member) => MEMBERS.get(raw['state'])?.includes(member) === false)
  if (stray !== undefined) throw new Damaged(stray)
  const jwk = readJwk(raw['jwk'])
  switch (raw['state']) {
    case 'standby':
      return { state: 'standby', jwk, sealed: readSealed(raw['sealed']), publishedAt: readOptional(raw, 'publishedAt') }
    case 'active': {
      const since = { publishedAt: readInstant(raw, 'publishedAt'), activeAt: readInstant(raw, 'activeAt') }
      return { state: 'active', jwk, sealed: readSealed(raw['sealed']), ...since }
    }
    case 'retired': {
      const since = { publishedAt: readInstant(raw, 'publishedAt'), activeAt: readInstant(raw, 'activeAt') }
      return { state: 'retired', jwk, ...since, retiredAt: readOptional(raw, 'retiredAt') }
    }
    default:
      throw new Damaged('state')
  }
}

function readJwk(raw: Json | undefined): PublicJwk {
  const jwk = parsePublicJwk(raw)
  if (!jwk.ok) throw new Damaged(jwk.error)
  return jwk.value
}

function readSealed(raw: Json | undefined): SealedKey {
  if (!isObject(raw)) throw new Damaged('sealed')
  const kek = raw['kek']
  if (typeof kek !== 'string') throw new Damaged('kek')
  return { kek, iv: readBase64url(raw, 'iv'), ciphertext: readBase64url(raw, 'ciphertext') }
}

function readBase64url(from: JsonObject, member: string): Base64Url {
  const text = from[member]
  if (typeof text !== 'string' || decodeBase64url(text) === undefined) throw new Damaged(member)
  return text as Base64Url
}

function readSeconds(from: JsonObject, member: string): Seconds {
  const length = from[member]
  if (typeof length !== 'number' || length < 0) throw new Damaged(member)
  return seconds(length)
}

function readInstant(from: JsonObject, member: string): Instant {
  return instant(readSeconds(from, member))
}

function readOptional(from: JsonObject, member: string): Instant | undefined {
  return from[member] === undefined ? undefined : readInstant(from, member)
}
