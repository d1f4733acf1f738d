import { availableParallelism } from 'node:os'
import { decodeBase64url } from '../core/base64url.ts'
import { parseDuration } from '../core/duration.ts'
import type { Level } from '../core/event.ts'
import { isLoopbackAddress } from '../core/loopback.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { Seconds } from '../core/time.ts'
import { KEK_BYTES } from '../jose/kek.ts'

const MOST_WORKERS = 64

/** Where keys are kept. */
export type StoreUrl = 'memory:' | `file:${string}`

/** Where a listener for operators is bound. */
export type AdminAddress = { readonly path: string } | { readonly host: string; readonly port: number }

/** Reads a duration of at least `least` seconds; like its neighbours it fails with what would be right. */
export function parseLength(text: string, least: number): Result<Seconds, string> {
  const length = parseDuration(text)
  if (length === undefined) return fail('a duration such as 90s, 15m, 48h or 7d')
  return length < least ? fail(`a duration of at least ${least}s`) : ok(length)
}

/** Reads a whole number from `least` to `most`. */
export function parseCount(text: string, least: number, most: number): Result<number, string> {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN
  return number >= least && number <= most ? ok(number) : fail(`a whole number from ${least} to ${most}`)
}

/** Reads how many processes serve together; `auto` is one on each core. */
export function parseWorkers(text: string): Result<number, string> {
  return parseCount(text === 'auto' ? String(Math.min(availableParallelism(), MOST_WORKERS)) : text, 1, MOST_WORKERS)
}

/** Reads the least level of what is logged. */
export function parseLevel(text: string): Result<Level, string> {
  const isLevel = text === 'debug' || text === 'info' || text === 'warning' || text === 'error'
  return isLevel ? ok(text) : fail('debug, info, warning or error')
}

/** Reads a list with commas whose items are all right and all different. */
export function parseList<Item extends string>(
  text: string,
  parse: (item: string) => Item | undefined,
  wanted: string,
): Result<readonly [Item, ...Item[]], string> {
  const items = text.split(',').flatMap((item) => parse(item.trim()) ?? [])
  const [first, ...others] = new Set(items)
  const isWhole = items.length === text.split(',').length && others.length === items.length - 1
  return first !== undefined && isWhole ? ok([first, ...others]) : fail(wanted)
}

/** Reads an issuer: an http or https URL without query and fragment, kept as it was written (RFC 8414 section 2). */
export function parseIssuer(text: string): Result<string, string> {
  const isPlain = /^https?:\/\/[\x21-\x7e]{1,512}$/.test(text) && !/[?#@\\%]/.test(text) && URL.canParse(text)
  return isPlain ? ok(text) : fail('an http or https URL without user, query and fragment')
}

/** Reads a list of origins as browsers write them (RFC 6454 section 6.2). */
export function parseOrigins(text: string): Result<ReadonlySet<string>, string> {
  const wanted = 'made of origins such as http://localhost:3000, each once'
  const origins = parseList(text, (name) => URL.canParse(name) && new URL(name).origin === name ? name : undefined, wanted)
  return origins.ok ? ok(new Set(origins.value)) : origins
}

/** Reads where keys are kept. */
export function parseStore(text: string): Result<StoreUrl, string> {
  if (text === 'memory:') return ok(text)
  return /^file:./.test(text) && !text.startsWith('file://') ? ok(text as StoreUrl) : fail('memory: or file:PATH')
}

/** Reads the path of a file. */
export function parsePath(text: string): Result<string, string> {
  return text === '' || text.includes('\0') ? fail('the path of a file') : ok(text)
}

/** Reads key-encryption keys: 32 bytes each, in base64url. */
export function parseKek(text: string): Result<readonly Uint8Array[], string> {
  const keks = text.split(',').flatMap((item) => decodeBase64url(item.trim()) ?? [])
  const isWhole = keks.length === text.split(',').length && keks.every(({ length }) => length === KEK_BYTES)
  return isWhole ? ok(keks) : fail(`made of ${KEK_BYTES} bytes in base64url each`)
}

/** Reads the address of the listener for operators, which no other machine can reach. */
export function parseAdmin(text: string): Result<AdminAddress, string> {
  const [, path] = /^unix:(.{1,100})$/.exec(text) ?? []
  if (path !== undefined) return ok({ path })
  const [, bracketed, plain = bracketed, digits = ''] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? []
  const port = parseCount(digits, 0, 65_535)
  if (plain === undefined || !isLoopbackAddress(plain) || !port.ok) return fail('unix:PATH or a loopback address with a port')
  return ok({ host: plain, port: port.value })
}
