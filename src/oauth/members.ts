import { parseDuration } from '../core/duration.ts'
import { isObject, type Json, type JsonObject } from '../core/json.ts'
import { parseScope } from '../core/scope.ts'
import type { Seconds } from '../core/time.ts'
import { ISSUER_CLAIMS } from '../jose/issue.ts'

/** What is wrong with a file of clients: the member, and what it must be. */
export class Wrong extends Error {
  override readonly name = 'Wrong'
}

/** Reads the value at a place in the file; throws `Wrong` with this place and what the value must be. */
export type Reader<Value> = (raw: Json | undefined, at: string) => Value

/** Makes a reader of a parser that returns undefined for a wrong value. */
function reader<Value>(parse: (raw: Json | undefined) => Value | undefined, rule: string): Reader<Value> {
  return (raw, at) => {
    const value = parse(raw)
    if (value === undefined) throw new Wrong(`${at} must be ${rule}`)
    return value
  }
}

/** Reads a member that may be absent. */
export function optional<Value, Default = undefined>(read: Reader<Value>, absent: Default): Reader<Value | Default> {
  return (raw, at) => raw === undefined ? absent : read(raw, at)
}

/** Reads an object that has only these members. */
export function objectOf(...members: readonly string[]): Reader<JsonObject> {
  return (raw, at) => {
    const object = anyObject(raw, at)
    const unknown = Object.keys(object).find((name) => !members.includes(name))
    if (unknown !== undefined) throw new Wrong(`${at} has an unknown member ${JSON.stringify(unknown)}`)
    return object
  }
}

/** Reads a list whose values one reader reads. */
export function listOf<Value>(read: Reader<Value>): Reader<readonly Value[]> {
  return (raw, at) => anyList(raw, at).map((value, index) => read(value, `${at}[${index}]`))
}

/** Reads one of the given values. */
export function oneOf<Value extends string>(values: readonly Value[]): Reader<Value> {
  return reader((raw) => values.find((value) => value === raw), `one of ${values.join(', ')}`)
}

/** Claims that the server alone decides; no client has a fixed claim of such a name. */
const RESERVED = [...ISSUER_CLAIMS, 'sub', 'aud', 'client_id', 'scope', 'act', 'cnf', 'txn', 'lineage', 'sub_id']

/** Reads fixed claims. */
export const claimsOf: Reader<JsonObject> = (raw, at) => {
  const claims = anyObject(raw, at)
  const reserved = Object.keys(claims).find((name) => RESERVED.includes(name))
  if (reserved !== undefined) throw new Wrong(`${at}.${reserved} is decided by the server`)
  return claims
}

/** Reads a lifetime. */
export function durationUpTo(longest: Seconds): Reader<Seconds> {
  const parse = (raw: Json | undefined): Seconds | undefined => {
    const length = typeof raw === 'string' ? parseDuration(raw) : undefined
    return length !== undefined && length >= 1 && length <= longest ? length : undefined
  }
  return reader(parse, `a duration from 1s to ${longest}s`)
}

const anyObject = reader((raw) => isObject(raw) ? raw : undefined, 'an object')
const anyList = reader((raw): readonly Json[] | undefined => Array.isArray(raw) ? raw : undefined, 'a list')

/** Reads the name of a client, an audience or an issuer. */
export const nameOf: Reader<string> =
  reader((raw) => textLike(/^[\x21-\x7e]{1,256}$/, raw), 'a text of 1 to 256 visible ASCII characters')

export const flagOf: Reader<boolean> = reader((raw) => typeof raw === 'boolean' ? raw : undefined, 'true or false')

export const scopesOf: Reader<readonly string[]> = reader(parseScope, 'scope tokens separated by one space')

/** Reads hashes of secrets. */
export const hashesOf: Reader<readonly string[]> = reader(
  (raw) => textsLike(/^[A-Za-z0-9_-]{43}$/, raw, 2),
  'one or two SHA-256 in base64url; jwksd client add makes them',
)

/** Reads subjects of another issuer, each as it is or up to a closing `*`. */
export const subjectsOf: Reader<readonly string[]> =
  reader((raw) => textsLike(/^[^*]+\*?$/, raw), 'texts, of which each may end in *')

function textLike(pattern: RegExp, raw: Json | undefined): string | undefined {
  return typeof raw === 'string' && pattern.test(raw) ? raw : undefined
}

function textsLike(pattern: RegExp, raw: Json | undefined, most = Infinity): readonly string[] | undefined {
  if (!Array.isArray(raw) || raw.length === 0 || raw.length > most) return undefined
  const texts = raw.filter((one) => textLike(pattern, one) !== undefined)
  return texts.length === raw.length ? texts : undefined
}
