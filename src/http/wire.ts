import { problem } from './problem.ts'
import type { Reply } from './reply.ts'

/** The head of a request as it came over the wire. */
export interface Head {
  readonly method: string
  readonly target: string
  readonly httpVersion: string
  /** Names and values in turns, in the order in which they came. */
  readonly rawHeaders: readonly string[]
}

const MAX_HEADER_LINES = 64
const MAX_TARGET_LENGTH = 2048
const HOST = /^[a-z0-9._:[\]-]{1,255}$/i
/** Origin form in plain ASCII: nothing that two programs could resolve differently, since we match it as it is. */
const TARGET = /^\/[!$&'()*+,;=:@A-Za-z0-9._~/-]*(?:\?[!$&'()*+,;=:@A-Za-z0-9._~/?%-]*)?$/
const DOTS = /^[^?]*\/\.\.?(?:[/?]|$)/
const SINGLE = ['host', 'authorization', 'content-type', 'content-length', 'dpop', 'origin']
/** Headers of which one program would read a second line and another would ignore it; each has a bit of its own. */
const SINGLE_BITS: ReadonlyMap<string, number> = new Map(SINGLE.map((name, at) => [name, 1 << at]))
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD'])
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** The length of a body in bytes, undefined when it is chunked; or why the request is refused. */
export type Framing = { readonly length: number | undefined } | { readonly refusal: Reply }

/**
 * Finds out where a request ends. Refuses what Node's parser accepts and two programs
 * could understand differently (RFC 9112).
 */
export function framingOf({ method, target, httpVersion, rawHeaders }: Head): Framing {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return refused(505, 'This server speaks HTTP/1.1 and HTTP/1.0')
  const lines = rawHeaders.length / 2
  if (lines > MAX_HEADER_LINES) return refused(431, `A request has at most ${MAX_HEADER_LINES} header lines`)
  const isPlain = target.length <= MAX_TARGET_LENGTH && TARGET.test(target) && !DOTS.test(target)
  if (!isPlain) return refused(400, 'The target is not a plain path')
  const repeated = repeatedHeader(rawHeaders)
  if (repeated !== undefined) return refused(400, `There is more than one ${repeated} line`)
  // HTTP/1.0 knows no Host, and balancers check the health of servers by it (RFC 9112 section 3.2); see router.ts.
  const host = headerOf(rawHeaders, 'host') ?? (httpVersion === '1.0' && READING.has(method) ? 'none' : '')
  if (!HOST.test(host)) return refused(400, 'There must be one plain Host line')
  const coding = headerOf(rawHeaders, 'transfer-encoding')?.toLowerCase()
  const isChunked = coding !== undefined
  if (isChunked && httpVersion === '1.0') return refused(400, 'HTTP/1.0 has no Transfer-Encoding')
  // RFC 9112 section 6.1: what was coded twice is not what it seems.
  if (isChunked && coding !== 'chunked') return refused(501, 'The one Transfer-Encoding here is chunked')
  const length = headerOf(rawHeaders, 'content-length') ?? '0'
  const hasBody = isChunked || length !== '0'
  if (hasBody && BODILESS.has(method)) return refused(400, `A ${method} request has no body here`)
  return { length: isChunked ? undefined : Number(length) }
}

/**
 * The value of a header by its lower-case name, of several lines in one list (RFC 9110 section 5.3). Node would build
 * its own `headers` for each request, although two or three values are needed (JWKS: 4 % slower).
 */
export function headerOf(rawHeaders: readonly string[], name: string): string | undefined {
  let value: string | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const other = rawHeaders[at] as string
    if (other.length !== name.length || other.toLowerCase() !== name) continue
    value = value === undefined ? rawHeaders[at + 1] : `${value}, ${rawHeaders[at + 1]}`
  }
  return value
}

function repeatedHeader(rawHeaders: readonly string[]): string | undefined {
  let seen = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).toLowerCase()
    const bit = SINGLE_BITS.get(name) ?? 0
    if ((seen & bit) !== 0) return name
    seen |= bit
  }
  return undefined
}

function refused(status: number, detail: string): Framing {
  return { refusal: problem(status, detail) }
}
