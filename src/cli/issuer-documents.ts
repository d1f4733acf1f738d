import { isObject, type Json, type JsonObject, parseJsonBytes } from '../core/json.ts'
import { systemSays } from '../core/errno.ts'
import { issuerOf } from '../core/issuer.ts'
import { isLoopbackUrl } from '../core/loopback.ts'
import { printable } from '../core/printable.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type Answer, ask, type Question } from '../stores/peer.ts'
import { EXIT } from '../system/exit.ts'
import { failed, type Outcome, wrongUse } from './token-outcome.ts'

const TIMEOUT_MS = 5000
const MAX_BYTES = 262_144

/** An answer of an issuer that was read as a JSON object. */
export interface Answered extends Pick<Answer, 'status'> {
  readonly body: JsonObject
  /** Seconds that the answer has lain in caches; 0 where none says so (RFC 9111 section 5.1). */
  readonly age: number
}

/** The issuer that somebody typed, and whether http may lead beyond this machine. */
export interface Issuing {
  readonly url: string
  readonly allowHttp: boolean
}

/** Reads a URL that somebody typed: https, or http to this machine, or any http where that is allowed. */
export function readUrl(text: string, allowHttp: boolean): Result<string, Outcome> {
  const problem = problemOf(text, allowHttp) ?? (/[?#]/.test(text) ? 'must have neither query nor fragment' : undefined)
  return problem === undefined ? ok(text) : fail(wrongUse(`--url ${problem}`))
}

function problemOf(text: Json | undefined, allowHttp: boolean): string | undefined {
  if (typeof text !== 'string' || !URL.canParse(text)) return 'must be a URL such as https://issuer.example'
  const { protocol, username, password } = new URL(text)
  if (username !== '' || password !== '') return 'must hold no credentials'
  if (protocol === 'https:' || (protocol === 'http:' && (allowHttp || isLoopbackUrl(text)))) return undefined
  return 'must begin with https: anyone on the way can replace what http carries. To accept that, set --allow-http'
}

/** Asks once, within 5 s and 256 KiB, and follows no redirect; the failure says why there is no JSON object. */
export async function askIssuer(
  url: string,
  question: Partial<Question> = {},
): Promise<Result<Answered, Outcome>> {
  const accept = 'application/json, application/jwk-set+json'
  const headers = { accept, 'accept-encoding': 'identity', ...question.headers }
  const limits = { withinMs: TIMEOUT_MS, maxBytes: MAX_BYTES }
  let answer: Answer
  try {
    answer = await ask({ method: 'GET', ...question, url: new URL(url), headers, ...limits })
  } catch (error) {
    return fail(notFetched(url, reasonOf(error)))
  }
  const { status, headers: { 'content-type': type = 'no type', age = '0', location } } = answer
  if (status >= 300 && status < 400) {
    return fail(notFetched(url, `it answers ${status}, a redirect to ${location}; none is followed`))
  }
  const parsed = /[/+]json\s*(?:;|$)/i.test(type) ? parseJsonBytes(answer.body) : undefined
  if (parsed?.ok === true && isObject(parsed.value)) {
    return ok({ status, body: parsed.value, age: /^\d{1,9}$/.test(age) ? Number(age) : 0 })
  }
  if (status !== 200) return fail(notFetched(url, `it answers ${status}. Is the URL right?`))
  if (parsed === undefined) return fail(notFetched(url, `it answers ${type}, not JSON`))
  const why = parsed.ok ? 'is no object' : `${parsed.error.member} ${parsed.error.reason}`
  return fail(notFetched(url, `its JSON ${why.trim()}`))
}

function reasonOf(error: unknown): string {
  const { code } = error as { code?: unknown }
  if (code === 'ETIMEDOUT') return `it did not answer within ${TIMEOUT_MS / 1000} s`
  if (code === 'EMSGSIZE') return `its answer is larger than ${MAX_BYTES} bytes`
  if (code === 'ECONNREFUSED') return 'nothing listens there. Start the server, or correct the URL'
  return systemSays(error)
}

/** An answer that cannot be used. */
export function notFetched(url: string, why: string): Outcome {
  return failed(EXIT.unavailable, 'fetch', printable(`Cannot use ${url}: ${why}`))
}

/**
 * The metadata of an issuer, whose `issuer` is the URL byte for byte (OpenID Connect Discovery section 4.3, RFC 8414
 * section 3.3).
 */
export async function metadataOf(url: string): Promise<Result<JsonObject, Outcome>> {
  const { base, path } = issuerOf(url)
  const places = [`${base}/.well-known/openid-configuration`,
    `${new URL(base).origin}/.well-known/oauth-authorization-server${path}`]
  let failure: Result<JsonObject, Outcome> = fail(notFetched(url, 'it has no metadata'))
  for (const place of places) {
    const answer = await askIssuer(place)
    if (answer.ok && answer.value.status === 200) return checked(place, url, answer.value.body)
    if (!answer.ok) failure = answer
    if (!answer.ok && !/ answers 40[45]/.test(answer.error.lines[0] ?? '')) return failure
  }
  return failure
}

function checked(place: string, url: string, metadata: JsonObject): Result<JsonObject, Outcome> {
  const { issuer } = metadata
  if (issuer === url) return ok(metadata)
  return fail(notFetched(place, `it is of the issuer ${JSON.stringify(issuer)}, not ${url}. Name the issuer exactly`))
}

/** An address that the metadata of the issuer at `url` names: https, or http from one loopback address to another. */
export function addressIn(
  metadata: JsonObject,
  member: string,
  { url, allowHttp }: Issuing,
): Result<string, Outcome> {
  const address = metadata[member]
  const isLocal = isLoopbackUrl(url)
  const problem = problemOf(address, allowHttp)
  if (problem !== undefined) return fail(notFetched(url, `${member} of its metadata ${problem}`))
  const target = address as string
  if (!allowHttp && !isLocal && new URL(target).protocol === 'http:') {
    return fail(notFetched(url, `${member} of its metadata is by http, the issuer is not`))
  }
  return ok(target)
}
