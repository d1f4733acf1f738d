import { fail, ok, type Result } from './result.ts'
import { decodeUtf8 } from './encoding.ts'

/** A JSON value as this strict reader answers it: objects have no prototype. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject

/** A JSON object without a prototype, so that no member name has a meaning of its own. */
export interface JsonObject {
  readonly [member: string]: Json
}

/** What is wrong with a member, and its path (`""` for the whole document). */
export interface MemberFault {
  readonly reason: string
  readonly member: string
}

const MAX_DEPTH = 32
/** In valid JSON: a bracket, a comma, or a string, with the colon behind it if it is the name of a member. */
const TOKEN = /[{}[\],]|"(?:[^"\\]|\\.)*"(\s*:)?/g

/** Reads JSON from bytes as `parseJson` does, and refuses invalid UTF-8 (RFC 8259 section 8.1). */
export function parseJsonBytes(bytes: Uint8Array): Result<Json, MemberFault> {
  const text = decodeUtf8(bytes)
  return text === undefined ? fail({ reason: 'is not valid UTF-8', member: '' }) : parseJson(text)
}

/**
 * Reads one JSON document (RFC 8259) and refuses what two readers could understand differently: duplicate
 * members, `__proto__`, lone surrogates, numbers that a double cannot hold, nesting deeper than 32.
 */
export function parseJson(text: string): Result<Json, MemberFault> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    const [, at] = /position (\d+)/.exec(String(error)) ?? []
    return fail({ reason: `is malformed JSON${at === undefined ? '' : ` at character ${at}`}`, member: '' })
  }
  const fault = faultIn(value, '', 0) ?? duplicateIn(text)
  return fault === undefined ? ok(value as Json) : fail(fault)
}

/** Whether a JSON value is an object. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The first fault of a value, by its path; takes the prototype from each object that it visits. */
function faultIn(value: unknown, member: string, depth: number): MemberFault | undefined {
  if (depth > MAX_DEPTH) return { reason: `nests deeper than ${MAX_DEPTH}`, member }
  if (typeof value === 'string' && !value.isWellFormed()) return { reason: 'holds a lone surrogate', member }
  if (typeof value === 'number' && !isExact(value)) {
    return { reason: 'is a number beyond what can be represented exactly', member }
  }
  if (typeof value !== 'object' || value === null) return undefined
  const isList = Array.isArray(value)
  if (!isList) Object.setPrototypeOf(value, null)
  for (const [name, inner] of Object.entries(value)) {
    if (!name.isWellFormed()) return { reason: 'holds a lone surrogate', member }
    const path = isList ? `${member}[${name}]` : member === '' ? name : `${member}.${name}`
    if (name === '__proto__') return { reason: 'is not an allowed member name', member: path }
    const fault = faultIn(inner, path, depth + 1)
    if (fault !== undefined) return fault
  }
  return undefined
}

function isExact(value: number): boolean {
  return Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value)
}

/** The first member that appears twice in a text that is valid JSON, by its path. */
function duplicateIn(text: string): MemberFault | undefined {
  const open: { at: string | number; readonly names: Set<string> }[] = []
  for (const [token, colon] of text.matchAll(TOKEN)) {
    const inner = open.at(-1)
    if (token === '{' || token === '[') open.push({ at: token === '[' ? 0 : '', names: new Set() })
    else if (token === '}' || token === ']') open.pop()
    else if (token === ',' && typeof inner?.at === 'number') inner.at += 1
    else if (inner !== undefined && colon !== undefined) {
      const name = JSON.parse(token.slice(0, -colon.length)) as string
      inner.at = name
      if (inner.names.has(name)) return { reason: 'appears twice', member: pathOf(open.map(({ at }) => at)) }
      inner.names.add(name)
    }
  }
  return undefined
}

function pathOf(steps: readonly (string | number)[]): string {
  return steps.map((step) => typeof step === 'number' ? `[${step}]` : `.${step}`).join('').replace(/^\./, '')
}
