import { decodeBase64url } from '../core/encoding.ts'
import { isObject, type JsonObject, parseJsonBytes } from '../core/json.ts'
import { printable } from '../core/printable.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type Instant, instant, timestamp } from '../core/time.ts'
import { EXIT } from '../system/exit.ts'
import { momentInWords } from './relative.ts'
import { failed, type Outcome } from './token-outcome.ts'
import { visibleJson } from './visible.ts'

const TIMES: ReadonlySet<string> = new Set(['exp', 'nbf', 'iat', 'auth_time', 'updated_at'])
/** The parts of an encrypted token (RFC 7516 section 3.1). */
const JWE_PARTS = 5
/** A moment that a `Date` can hold. */
const MAX_MOMENT = 8_640_000_000_000

/** Shows header and claims of a token; nothing is verified. */
export function decodeToken(token: string, now: Instant): Outcome {
  const parts = token.split('.')
  const header = parts.length === 3 || parts.length === JWE_PARTS ? readPart(parts[0], 'header') : undefined
  if (header === undefined) {
    const problem = `A token has three parts between dots, this text has ${parts.length}`
    return failed(EXIT.refused, 'form', problem)
  }
  if (!header.ok) return failed(EXIT.refused, 'header', header.error)
  if (parts.length === JWE_PARTS) {
    return failed(EXIT.refused, 'encrypted', 'The token is encrypted: its claims cannot be read')
  }
  const claims = readPart(parts[1], 'payload')
  if (!claims.ok) return failed(EXIT.refused, 'claims', claims.error)
  const warning = 'Not verified: anyone can write such a token. Check it with jwksd token verify'
  return {
    exit: 0,
    json: { ok: true, verified: false, header: header.value, claims: claims.value },
    lines: ['header', ...members(header.value, now), 'claims', ...members(claims.value, now), warning],
  }
}

function readPart(text = '', name: string): Result<JsonObject, string> {
  const bytes = decodeBase64url(text)
  if (bytes === undefined) return fail(`The ${name} is not base64url (RFC 7515 section 2)`)
  const parsed = parseJsonBytes(bytes)
  if (!parsed.ok) return fail(`The ${name}: ${parsed.error.member} ${parsed.error.reason}`.replace(':  ', ' '))
  return isObject(parsed.value) ? ok(parsed.value) : fail(`The ${name} is no JSON object`)
}

function members(object: JsonObject, now: Instant): readonly string[] {
  return Object.entries(object).map(([name, value]) => {
    const isTime = TIMES.has(name) && typeof value === 'number' && Math.abs(value) < MAX_MOMENT
    return `  ${printable(name)}: ${visibleJson(value)}${isTime ? `  ${timeInWords(instant(value), now)}` : ''}`
  })
}

function timeInWords(moment: Instant, now: Instant): string {
  return `${timestamp(moment).replace('.000Z', 'Z')}, ${momentInWords(moment, now)}`
}
