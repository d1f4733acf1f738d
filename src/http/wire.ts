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

const MOST_LINES = 64
const LONGEST_TARGET = 2048
const HOST = /^[a-z0-9._:[\]-]{1,255}$/i
/** Origin form in plain ASCII: nothing that two programs could resolve differently, since we match it as it is. */
const TARGET = /^\/(?!\/)[!$&'()*+,;=:@A-Za-z0-9._~/-]*(?:\?[!$&'()*+,;=:@A-Za-z0-9._~/?%-]*)?$/
const DOTS = /^[^?]*\/\.\.?(?:[/?]|$)/
/** Lines of which a second one would be read by one program and ignored by the next; each with a bit of its own. */
const ONCE: ReadonlyMap<string, number> = new Map(['host', 'authorization', 'content-type', 'content-length', 'dpop', 'origin'].map((name, at) => [name, 1 << at]))
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** Refuses what Node's parser lets pass and two programs could understand differently (RFC 9112); else undefined. */
export function refuseHead({ method, target, httpVersion, rawHeaders }: Head): Reply | undefined {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return problem(505, 'Only HTTP/1.1 and HTTP/1.0 are spoken here')
  if (rawHeaders.length > 2 * MOST_LINES) return problem(431, `A request has at most ${MOST_LINES} header lines`)
  if (target.length > LONGEST_TARGET || !TARGET.test(target) || DOTS.test(target)) return badRequest('The target is not a plain path')
  let seen = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).toLowerCase()
    const bit = ONCE.get(name) ?? 0
    if ((seen & bit) !== 0) return badRequest(`There is more than one ${name} line`)
    seen |= bit
  }
  if (!HOST.test(headerOf(rawHeaders, 'host') ?? '')) return badRequest('There must be one Host line with a plain name')
  return refuseFraming(method, httpVersion, rawHeaders)
}

/**
 * The value of a header by its lower-case name, of several lines in one list (RFC 9110 section 5.3). Node's own `headers`
 * would be made anew for each request, for two or three values that are asked for (JWKS: 4 % dearer).
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

/** A body where none belongs, or one whose length two programs could count differently (RFC 9112 section 6). */
function refuseFraming(method: string, httpVersion: string, rawHeaders: readonly string[]): Reply | undefined {
  const isChunked = headerOf(rawHeaders, 'transfer-encoding') !== undefined
  if (isChunked && httpVersion === '1.0') return badRequest('HTTP/1.0 has no Transfer-Encoding')
  const hasBody = isChunked || (headerOf(rawHeaders, 'content-length') ?? '0') !== '0'
  return hasBody && BODILESS.has(method) ? badRequest(`A ${method} request has no body here`) : undefined
}

function badRequest(detail: string): Reply {
  return problem(400, detail)
}
