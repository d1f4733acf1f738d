import { fail, ok, type Result } from './result.ts'
import { decodeUtf8, isWellFormed } from './utf8.ts'

/** A JSON value as this strict reader answers it: objects have no prototype. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject

/** A JSON object without a prototype, so that no member name has a meaning of its own. */
export interface JsonObject {
  readonly [member: string]: Json
}

/** Why a text was refused, and the path of the member at fault (`""` for the whole document). */
export interface JsonFault {
  readonly reason: string
  readonly member: string
}

/** Arrays and objects may nest this deep. */
export const MAX_DEPTH = 32

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
// Raw control characters, a lone backslash and an unterminated string do not match (RFC 8259 section 7).
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const SPACE = /[ \t\n\r]*/y
const WORDS: ReadonlyMap<string, Json> = new Map<string, Json>([['t', true], ['f', false], ['n', null]])

class Refused extends Error {
  override readonly name = 'Refused'
  readonly member: string

  constructor(reason: string, member: string) {
    super(reason)
    this.member = member
  }
}

/** Reads JSON from bytes as `parseJson` does, and refuses invalid UTF-8 (RFC 8259 section 8.1). */
export function parseJsonBytes(bytes: Uint8Array): Result<Json, JsonFault> {
  const text = decodeUtf8(bytes)
  return text === undefined ? fail({ reason: 'is not valid UTF-8', member: '' }) : parseJson(text)
}

/**
 * Reads one JSON document (RFC 8259) and refuses what two readers could understand differently: duplicate
 * members, `__proto__`, lone surrogates, numbers that a double cannot hold, nesting deeper than `MAX_DEPTH`.
 */
export function parseJson(text: string): Result<Json, JsonFault> {
  const reader = { text, at: 0 }
  try {
    const value = readValue(reader, '', 0)
    skipSpace(reader)
    if (reader.at < text.length) throw new Refused('has text after its end', '')
    return ok(value)
  } catch (error) {
    if (error instanceof Refused) return fail({ reason: error.message, member: error.member })
    throw error
  }
}

/** Tells a JSON object from the other kinds of value. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

interface Reader {
  readonly text: string
  at: number
}

function readValue(reader: Reader, member: string, depth: number): Json {
  if (depth > MAX_DEPTH) throw new Refused(`nests deeper than ${MAX_DEPTH}`, member)
  skipSpace(reader)
  const first = reader.text.charAt(reader.at)
  if (first === '{') return readObject(reader, member, depth)
  if (first === '[') return readArray(reader, member, depth)
  if (first === '"') return readString(reader, member)
  const word = WORDS.get(first)
  if (word === undefined) return readNumber(reader, member)
  if (!reader.text.startsWith(String(word), reader.at)) throw malformed(reader, member)
  reader.at += String(word).length
  return word
}

function readObject(reader: Reader, parent: string, depth: number): JsonObject {
  const object: Record<string, Json> = Object.create(null) as Record<string, Json>
  reader.at += 1
  if (found(reader, '}')) return object
  do {
    skipSpace(reader)
    if (reader.text.charAt(reader.at) !== '"') throw malformed(reader, parent)
    const name = readString(reader, parent)
    const member = parent === '' ? name : `${parent}.${name}`
    if (name === '__proto__') throw new Refused('is not an allowed member name', member)
    if (name in object) throw new Refused('appears twice', member)
    if (!found(reader, ':')) throw malformed(reader, member)
    object[name] = readValue(reader, member, depth + 1)
  } while (found(reader, ','))
  if (!found(reader, '}')) throw malformed(reader, parent)
  return object
}

function readArray(reader: Reader, parent: string, depth: number): readonly Json[] {
  const items: Json[] = []
  reader.at += 1
  if (found(reader, ']')) return items
  do items.push(readValue(reader, `${parent}[${items.length}]`, depth + 1))
  while (found(reader, ','))
  if (!found(reader, ']')) throw malformed(reader, parent)
  return items
}

function readString(reader: Reader, member: string): string {
  const raw = match(reader, STRING)
  if (raw === undefined) throw malformed(reader, member)
  const text = JSON.parse(raw) as string
  if (!isWellFormed(text)) throw new Refused('holds a lone surrogate', member)
  return text
}

function readNumber(reader: Reader, member: string): number {
  const raw = match(reader, NUMBER)
  if (raw === undefined) throw malformed(reader, member)
  const value = Number(raw)
  const exact = Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value)
  if (!exact) throw new Refused('is a number beyond what can be represented exactly', member)
  return value
}

function match(reader: Reader, pattern: RegExp): string | undefined {
  pattern.lastIndex = reader.at
  const raw = pattern.exec(reader.text)?.[0]
  if (raw !== undefined) reader.at += raw.length
  return raw
}

function skipSpace(reader: Reader): void {
  match(reader, SPACE)
}

function found(reader: Reader, mark: string): boolean {
  skipSpace(reader)
  if (reader.text.charAt(reader.at) !== mark) return false
  reader.at += 1
  return true
}

function malformed(reader: Reader, member: string): Refused {
  return new Refused(`is malformed JSON at character ${reader.at}`, member)
}
