import { fail, ok, type Result } from '../core/result.ts'
import { decodeUtf8 } from '../core/encoding.ts'

/** The credentials of HTTP Basic. */
export interface BasicCredentials {
  readonly user: string
  readonly password: string
}

const CONTROL = /[\u0000-\u001f\u007f]/

/** Reads an `Authorization` of the Basic scheme (RFC 7617 section 2); undefined for none or another scheme. */
export function parseBasic(header: string | undefined): Result<BasicCredentials | undefined, string> {
  const [, encoded] = /^basic(?: +|$)(.*)$/i.exec(header ?? '') ?? []
  if (encoded === undefined) return ok(undefined)
  const bytes = Buffer.from(encoded, 'base64')
  const text = bytes.toString('base64') === encoded ? decodeUtf8(bytes) : undefined
  const colon = text?.indexOf(':') ?? -1
  if (text === undefined || colon < 0 || CONTROL.test(text)) return fail('is not user:password in canonical base64')
  return ok({ user: text.slice(0, colon), password: text.slice(colon + 1) })
}
