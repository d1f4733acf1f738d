import type { Json, JsonObject } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type Seconds, seconds } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'

/** What a caller of `/auth` asked for, checked. */
export interface MintRequest {
  readonly sub: string
  readonly aud: string | readonly string[]
  readonly ttl: Seconds
  readonly alg: Alg | undefined
  /** Everything else that the token shall say, `scope` among it. */
  readonly claims: JsonObject
}

/** The member at fault and what is wrong with it. */
export interface MemberFault {
  readonly member: string
  readonly problem: string
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

/** Checks the members of a JSON body; each that is not understood becomes a claim, and a reserved one is a fault. */
export function parseMintRequest(
  members: JsonObject,
  basicUser: string | undefined,
  rules: MintRules,
): Result<MintRequest, MemberFault> {
  const reserved = Object.keys(members).find((member) => RESERVED.has(member))
  if (reserved !== undefined) return wrong(reserved, 'is decided by the server')
  const { username, sub = username ?? basicUser ?? 'anonymous', aud = rules.audience, ttl = rules.ttl, alg, scope } =
    members as Partial<JsonObject>
  if (username !== undefined && !isName(username)) return wrong('username', NAME)
  if (!isName(sub)) return wrong('sub', NAME)
  if (!isAudience(aud)) return wrong('aud', `must be a text or a list of texts of 1 to ${LONGEST_NAME} characters`)
  if (!isTtl(ttl, rules.maxTtl)) return wrong('ttl', `must be a whole number of seconds from 1 to ${rules.maxTtl}`)
  const line = rules.algs.find((name) => name === alg)
  if (alg !== undefined && line === undefined) return wrong('alg', `must be one of ${rules.algs.join(', ')}`)
  if (scope !== undefined && !isScope(scope)) return wrong('scope', 'must be scope tokens separated by one space')
  const others = Object.entries(members).filter(([member]) => member === 'scope' || !UNDERSTOOD.has(member))
  return ok({ sub, aud, ttl: seconds(ttl), alg: line, claims: Object.fromEntries(others) })
}

/** A form can say what is understood and nothing else: it has no types, so its fields make no claims. */
export function membersOfForm(form: ReadonlyMap<string, string>): Result<JsonObject, MemberFault> {
  const stranger = [...form.keys()].find((name) => !UNDERSTOOD.has(name))
  if (stranger !== undefined) {
    return wrong(stranger, RESERVED.has(stranger) ? 'is decided by the server' : 'is not understood in a form; claims need a JSON body')
  }
  const members = [...form].map(([name, text]): [string, Json] =>
    [name, name === 'ttl' && /^\d{1,9}$/.test(text) ? Number(text) : text])
  return ok(Object.fromEntries(members))
}

const NAME = `must be a text of 1 to ${LONGEST_NAME} characters`

function wrong(member: string, problem: string): Result<never, MemberFault> {
  return fail({ member, problem })
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
