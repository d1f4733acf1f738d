import { parseDuration } from '../core/duration.ts'
import { isObject, type Json, type JsonObject } from '../core/json.ts'
import { isLoopbackHost } from '../core/loopback.ts'
import type { Seconds } from '../core/time.ts'
import { parseScope } from './scope.ts'

/** What is wrong with a file of clients: the member, and what it must be. */
export class Wrong extends Error {
  override readonly name = 'Wrong'
}

/** Claims that the server alone decides; no client has a fixed claim of such a name. */
const RESERVED: ReadonlySet<string> = new Set([
  'iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'jti', 'client_id', 'scope', 'act', 'cnf',
])
const NAME = /^[\x21-\x7e]{1,256}$/
const HASH = /^[A-Za-z0-9_-]{43}$/
const MAX_HASHES = 2

/** An object with some of these members. Throws `Wrong`, as all readers here do, naming the place in the file. */
export function objectOf(raw: Json | undefined, at: string, members: ReadonlySet<string>): JsonObject {
  if (!isObject(raw)) throw new Wrong(`${at} must be an object`)
  const unknown = Object.keys(raw).find((name) => !members.has(name))
  if (unknown !== undefined) throw new Wrong(`${at} has an unknown member ${JSON.stringify(unknown)}`)
  return raw
}

/** A list. */
export function listOf(raw: Json | undefined, at: string): readonly Json[] {
  if (!Array.isArray(raw)) throw new Wrong(`${at} must be a list`)
  return raw
}

/** A name: of a client, an audience or an issuer. */
export function nameOf(raw: Json | undefined, at: string): string {
  if (typeof raw === 'string' && NAME.test(raw)) return raw
  throw new Wrong(`${at} must be a text of 1 to 256 visible ASCII characters`)
}

/** One of the given values. */
export function oneOf<Value extends string>(values: readonly Value[], raw: Json, at: string): Value {
  const value = values.find((one) => one === raw)
  if (value === undefined) throw new Wrong(`${at} must be one of ${values.join(', ')}`)
  return value
}

/** `true`, `false`, or nothing. */
export function flagOf(raw: Json | undefined, at: string): boolean | undefined {
  if (raw === undefined || typeof raw === 'boolean') return raw
  throw new Wrong(`${at} must be true or false`)
}

/** Scope tokens; none when there is no scope. */
export function scopesOf(raw: Json | undefined, at: string): readonly string[] {
  const scopes = raw === undefined ? [] : parseScope(raw)
  if (scopes === undefined) throw new Wrong(`${at} must be scope tokens separated by one space`)
  return scopes
}

/** Fixed claims. */
export function claimsOf(raw: Json = {}, at: string): JsonObject {
  if (!isObject(raw)) throw new Wrong(`${at} must be an object`)
  const reserved = Object.keys(raw).find((name) => RESERVED.has(name))
  if (reserved !== undefined) throw new Wrong(`${at}.${reserved} is decided by the server`)
  return raw
}

/** A lifetime in seconds, at most `most`; undefined when there is none. */
export function durationOf(raw: Json | undefined, at: string, most: Seconds): Seconds | undefined {
  const length = typeof raw === 'string' ? parseDuration(raw) : undefined
  if (raw === undefined || (length !== undefined && length >= 1 && length <= most)) return length
  throw new Wrong(`${at} must be a duration from 1s to ${most}s`)
}

/** Hashes of secrets. */
export function hashesOf(raw: Json | undefined, at: string): readonly string[] {
  const isRight = Array.isArray(raw) && raw.length > 0 && raw.length <= MAX_HASHES
  if (isRight && raw.every((hash) => typeof hash === 'string' && HASH.test(hash))) return raw as readonly string[]
  throw new Wrong(`${at} must be one or two SHA-256 in base64url; jwksd client add makes them`)
}

/** Subjects of another issuer, each as it is or up to a closing `*`. */
export function subjectsOf(raw: Json | undefined, at: string): readonly string[] {
  const isSubject = (one: Json): boolean => typeof one === 'string' && /^[^*]+\*?$/.test(one)
  if (Array.isArray(raw) && raw.length > 0 && raw.every(isSubject)) return raw as readonly string[]
  throw new Wrong(`${at} must be texts, of which each may end in *`)
}

/** Whether keys may be fetched from there: an https URL without credentials, or http to this machine. */
export function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, host, username, password } = new URL(text)
  return username === '' && password === '' && (protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(host)))
}
