import { availableParallelism } from 'node:os'
import { decodeBase64url } from '../core/base64url.ts'
import { parseDuration } from '../core/duration.ts'
import { isLoopbackAddress } from '../core/loopback.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { Seconds } from '../core/time.ts'
import { KEK_BYTES } from '../jose/kek.ts'

/** Reads the text of an option; the failure completes the sentence "it must be ...". */
type Parse<Value> = (text: string) => Result<Value, string>

const MAX_WORKERS = 64

/** Where keys are kept. */
export type StoreUrl = 'memory:' | `file:${string}`

/** Where the listener for operators is bound. */
export type AdminAddress = { readonly path: string } | { readonly host: string; readonly port: number }

/** Reads a duration of at least `least` seconds. */
export function duration(least: number): Parse<Seconds> {
  return (text) => {
    const length = parseDuration(text)
    if (length === undefined) return fail('a duration of at most ten years, such as 90s, 15m, 48h or 7d')
    return length < least ? fail(`a duration of at least ${least}s`) : ok(length)
  }
}

/** Reads a whole number from `least` to `most`. */
export function count(least: number, most: number): Parse<number> {
  return (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN
    return number >= least && number <= most ? ok(number) : fail(`a whole number from ${least} to ${most}`)
  }
}

/** Reads one of the given words. */
export function choice<Word extends string, Value>(
  words: readonly Word[],
  valueOf: (word: Word) => Value,
): Parse<Value> {
  return (text) => {
    const word = words.find((one) => one === text)
    return word === undefined ? fail(words.join(' or ')) : ok(valueOf(word))
  }
}

/** Reads a list with commas whose items are all right and all different. */
export function list<Item extends string>(
  parse: (item: string) => Item | undefined,
  wanted: string,
): Parse<readonly [Item, ...Item[]]> {
  return (text) => {
    const items = text.split(',').map((item) => parse(item.trim()))
    const [first, ...others] = new Set(items)
    const isWhole = !items.includes(undefined) && others.length === items.length - 1
    return first !== undefined && isWhole ? ok([first, ...others as Item[]]) : fail(wanted)
  }
}

/** Reads `true` or `false`. */
export const parseSwitch: Parse<boolean> = choice(['true', 'false'], (word) => word === 'true')

/** Reads how many processes serve together; `auto` is one on each core. */
export const parseWorkers: Parse<number> = (text) =>
  count(1, MAX_WORKERS)(text === 'auto' ? String(Math.min(availableParallelism(), MAX_WORKERS)) : text)

/** Reads an address to listen on. */
export const parseHost: Parse<string> = (text) =>
  /^[A-Za-z0-9.:_-]{1,253}$/.test(text) ? ok(text) : fail('a host name or an IP address')

/** Reads an issuer: an http or https URL without query and fragment, kept as it was written (RFC 8414 section 2). */
export const parseIssuer: Parse<string> = (text) => {
  const isPlain = /^https?:\/\/[\x21-\x7e]{1,512}$/.test(text) && !/[?#@\\%]/.test(text) && URL.canParse(text)
  return isPlain ? ok(text) : fail('an http or https URL without user, query and fragment')
}

/** Reads a list of origins as browsers write them (RFC 6454 section 6.2). */
export const parseOrigins: Parse<ReadonlySet<string>> = (text) => {
  const parse = (name: string): string | undefined =>
    URL.canParse(name) && new URL(name).origin === name ? name : undefined
  const origins = list(parse, 'origins such as http://localhost:3000, each once')(text)
  return origins.ok ? ok(new Set(origins.value)) : origins
}

/** Reads where keys are kept. */
export const parseStore: Parse<StoreUrl> = (text) => {
  const isStore = text === 'memory:' || (/^file:./.test(text) && !text.startsWith('file://'))
  return isStore ? ok(text as StoreUrl) : fail('memory: or file:PATH')
}

/** Reads the path of a file. */
export const parsePath: Parse<string> = (text) =>
  text === '' || text.includes('\0') ? fail('the path of a file') : ok(text)

/** Reads key-encryption keys: 32 bytes each, in base64url. */
export const parseKeks: Parse<readonly Uint8Array[]> = (text) => {
  const keks = text.split(',').flatMap((item) => decodeBase64url(item.trim()) ?? [])
  const isWhole = keks.length === text.split(',').length && keks.every(({ length }) => length === KEK_BYTES)
  return isWhole ? ok(keks) : fail(`keys of ${KEK_BYTES} bytes in base64url, with commas between them`)
}

/** Reads the address of the listener for operators, which no other machine can reach. */
export const parseAdmin: Parse<AdminAddress> = (text) => {
  const [, path] = /^unix:(.{1,100})$/.exec(text) ?? []
  if (path !== undefined) return ok({ path })
  const [, bracketed, plain = bracketed, digits = ''] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? []
  const port = count(0, 65_535)(digits)
  const isLocal = plain !== undefined && isLoopbackAddress(plain)
  return isLocal && port.ok ? ok({ host: plain, port: port.value }) : fail('unix:PATH or a loopback address with a port')
}
