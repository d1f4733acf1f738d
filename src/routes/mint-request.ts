import type { Json, JsonObject } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { parseScope } from '../core/scope.ts'
import { type Seconds, seconds } from '../core/time.ts'
import { parseBasic } from '../http/basic-auth.ts'
import { isOfType } from '../http/body.ts'
import type { Call } from '../http/call.ts'
import { parseForm } from '../http/form.ts'
import { problem } from '../http/problem.ts'
import type { Reply } from '../http/reply.ts'
import type { Alg } from '../jose/algorithm.ts'
import { ISSUER_CLAIMS, type TokenOrder } from '../jose/issue.ts'
import { parseJsonBody, refuse } from './json-body.ts'

/** What a caller of `/auth` asked for, checked. */
export type MintRequest = Kind & Members

type Members = Pick<TokenOrder, 'sub' | 'aud' | 'ttl' | 'claims'> & { readonly alg: Alg | undefined }

/** Which kind of token is wanted: the right one unless the query names another. */
interface Kind {
  readonly isExpired: boolean
  /** The case of the catalogue that is wanted. */
  readonly name: string | undefined
}

/** What a request may ask for, and what is in force when it does not. */
export interface MintRules {
  readonly audience: string | readonly string[]
  readonly ttl: Seconds
  readonly maxTtl: Seconds
  readonly algs: readonly Alg[]
}

/** Members that are no claims by themselves; the value of a password is never looked at. */
const UNDERSTOOD: ReadonlySet<string> = new Set(['sub', 'username', 'password', 'aud', 'scope', 'ttl', 'alg'])
const MAX_NAME_LENGTH = 255
const NAME = `must be a text of 1 to ${MAX_NAME_LENGTH} characters`

/** Reads a call of `/auth`: query, HTTP Basic and body; the failure answers what is wrong with it. */
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
  const unknown = [...form.value.keys()].find((name) => !UNDERSTOOD.has(name) && !ISSUER_CLAIMS.includes(name))
  if (unknown !== undefined) return refuse(unknown, 'is unknown in a form; claims need a JSON body')
  const ttl = form.value.get('ttl') ?? ''
  const members: JsonObject = Object.fromEntries(form.value)
  return ok(/^\d{1,9}$/.test(ttl) ? { ...members, ttl: Number(ttl) } : members)
}

/** Checks the members of a body; each that is not understood becomes a claim. */
function parseMembers(members: JsonObject, basicUser: string | undefined, rules: MintRules): Result<Members, Reply> {
  const reserved = Object.keys(members).find((member) => ISSUER_CLAIMS.includes(member))
  if (reserved !== undefined) return refuse(reserved, 'is decided by the server')
  const { username, sub = username ?? basicUser ?? 'anonymous', aud = rules.audience, ttl = rules.ttl, alg, scope } =
    members as Partial<JsonObject>
  if (username !== undefined && !isName(username)) return refuse('username', NAME)
  if (!isName(sub)) return refuse('sub', NAME)
  if (!isAudience(aud)) return refuse('aud', `must be a text or a list of texts of 1 to ${MAX_NAME_LENGTH} characters`)
  if (!isTtl(ttl, rules.maxTtl)) return refuse('ttl', `must be a whole number of seconds from 1 to ${rules.maxTtl}`)
  const line = rules.algs.find((name) => name === alg)
  if (alg !== undefined && line === undefined) return refuse('alg', `must be one of ${rules.algs.join(', ')}`)
  const isScope = scope === undefined || parseScope(scope) !== undefined
  if (!isScope) return refuse('scope', 'must be scope tokens separated by one space')
  const claims = Object.entries(members).filter(([member]) => member === 'scope' || !UNDERSTOOD.has(member))
  return ok({ sub, aud, ttl: seconds(ttl), alg: line, claims: Object.fromEntries(claims) })
}

function isName(value: Json): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_NAME_LENGTH
}

function isAudience(value: Json): value is string | readonly string[] {
  return Array.isArray(value) ? value.length > 0 && value.every(isName) : isName(value)
}

function isTtl(value: Json, most: Seconds): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most
}
