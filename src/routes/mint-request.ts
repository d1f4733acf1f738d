import type { Json, JsonObject } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type Seconds, seconds } from '../core/time.ts'
import { parseBasic } from '../http/basic-auth.ts'
import { isOfType } from '../http/body.ts'
import type { Call } from '../http/call.ts'
import { parseForm } from '../http/form.ts'
import { problem } from '../http/problem.ts'
import type { Reply } from '../http/reply.ts'
import type { Alg } from '../jose/algorithm.ts'
import { parseJsonBody, refuse } from './json-body.ts'

/** What a caller of `/auth` asked for, checked. */
export interface MintRequest extends Kind, Members {}

/** Which kind of token is wanted: the right one unless the query names another. */
interface Kind {
  readonly isExpired: boolean
  /** The case of the catalogue that is wanted. */
  readonly name: string | undefined
}

interface Members {
  readonly sub: string
  readonly aud: string | readonly string[]
  readonly ttl: Seconds
  readonly alg: Alg | undefined
  /** All other claims of the token, `scope` among them. */
  readonly claims: JsonObject
}

/** What a request may ask for, and what is in force when it does not. */
export interface MintRules {
  readonly audience: string | readonly string[]
  readonly ttl: Seconds
  readonly maxTtl: Seconds
  readonly algs: readonly Alg[]
}

/** The issuer alone decides these. */
const RESERVED: ReadonlySet<string> = new Set(['iss', 'iat', 'nbf', 'exp', 'jti'])
/** Read by us, so they are no claims; the value of a password is never looked at. */
const UNDERSTOOD: ReadonlySet<string> = new Set(['sub', 'username', 'password', 'aud', 'scope', 'ttl', 'alg'])
/** One or more scope tokens with single spaces between them (RFC 6749 section 3.3). */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/
const LONGEST_NAME = 255
const NAME = `must be a text of 1 to ${LONGEST_NAME} characters`

/** Reads a call of `/auth`: query, HTTP Basic and body; answers what is wrong with it. */
export function parseMintCall(call: Call, rules: MintRules): Result<MintRequest, Reply> {
  const kind = parseQuery(call.query)
  if (!kind.ok) return kind
  const basic = parseBasic(call.header('authorization'))
  if (!basic.ok) return refuse('Authorization', basic.error)
  const body = parseBody(call)
  if (!body.ok) return body
  const members = parseMembers(body.value, basic.value?.user, rules)
  return members.ok ? ok({ ...kind.value, ...members.value }) : members
}

function parseQuery(query: string): Result<Kind, Reply> {
  const form = parseForm(query)
  if (!form.ok) return refuse(form.error.member, form.error.reason)
  const unknown = [...form.value.keys()].find((name) => name !== 'expired' && name !== 'case')
  if (unknown !== undefined) return refuse(unknown, 'is not a parameter of this path')
  const [expired = 'false', name] = [form.value.get('expired'), form.value.get('case')]
  if (expired !== 'true' && expired !== 'false') return refuse('expired', 'must be true or false')
  if (name !== undefined && expired === 'true') return refuse('case', 'cannot be asked for together with expired')
  return ok({ isExpired: expired === 'true', name })
}

/** A JSON object, a form, or nothing. */
function parseBody(call: Call): Result<JsonObject, Reply> {
  if (call.body.length === 0) return ok({})
  if (isOfType(call, 'application/json')) return parseJsonBody(call.body)
  if (isOfType(call, 'application/x-www-form-urlencoded')) return parseFormBody(call.body)
  return fail(problem(415, 'The body must be application/json or application/x-www-form-urlencoded, in UTF-8'))
}

/** The fields of a form have no types, so that only the known members can be set by it, and no claim. */
function parseFormBody(body: Uint8Array): Result<JsonObject, Reply> {
  const form = parseForm(body)
  if (!form.ok) return refuse(form.error.member, form.error.reason)
  const unknown = [...form.value.keys()].find((name) => !UNDERSTOOD.has(name))
  if (unknown !== undefined) {
    const isReserved = RESERVED.has(unknown)
    return refuse(unknown, isReserved ? 'is decided by the server' : 'is unknown in a form; claims need a JSON body')
  }
  const members = [...form.value].map(([name, text]): [string, Json] =>
    [name, name === 'ttl' && /^\d{1,9}$/.test(text) ? Number(text) : text])
  return ok(Object.fromEntries(members))
}

/** Checks the members of a body; each that is not understood becomes a claim, and a reserved one is a fault. */
function parseMembers(members: JsonObject, basicUser: string | undefined, rules: MintRules): Result<Members, Reply> {
  const reserved = Object.keys(members).find((member) => RESERVED.has(member))
  if (reserved !== undefined) return refuse(reserved, 'is decided by the server')
  const { username, sub = username ?? basicUser ?? 'anonymous', aud = rules.audience, ttl = rules.ttl, alg, scope } =
    members as Partial<JsonObject>
  if (username !== undefined && !isName(username)) return refuse('username', NAME)
  if (!isName(sub)) return refuse('sub', NAME)
  if (!isAudience(aud)) return refuse('aud', `must be a text or a list of texts of 1 to ${LONGEST_NAME} characters`)
  if (!isTtl(ttl, rules.maxTtl)) return refuse('ttl', `must be a whole number of seconds from 1 to ${rules.maxTtl}`)
  const line = rules.algs.find((name) => name === alg)
  if (alg !== undefined && line === undefined) return refuse('alg', `must be one of ${rules.algs.join(', ')}`)
  if (scope !== undefined && !isScope(scope)) return refuse('scope', 'must be scope tokens separated by one space')
  const claims = Object.entries(members).filter(([member]) => member === 'scope' || !UNDERSTOOD.has(member))
  return ok({ sub, aud, ttl: seconds(ttl), alg: line, claims: Object.fromEntries(claims) })
}

function isName(value: Json): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= LONGEST_NAME
}

function isAudience(value: Json): value is string | readonly string[] {
  return Array.isArray(value) ? value.length > 0 && value.every(isName) : isName(value)
}

function isTtl(value: Json, most: Seconds): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most
}

function isScope(value: Json): value is string {
  return typeof value === 'string' && SCOPE.test(value)
}
