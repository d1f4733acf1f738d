import { isObject, type JsonObject, parseJson } from '../../core/json.ts'
import { fail, ok, type Result } from '../../core/result.ts'
import { SET_CASES, type SetCase } from '../set-cases.ts'
import { type Format, isFormat } from './report.ts'

/** What `jwksd probe` was asked to do. */
export interface Plan {
  readonly url: string
  readonly method: string
  readonly header: readonly [string, string] | undefined
  /** The lowest and the highest status that mean accepted. */
  readonly accepted: readonly [number, number]
  readonly format: Format
  readonly typ: string
  readonly claims: JsonObject
  /** Requests at the same time. */
  readonly concurrency: number
  /** Seconds that the API gets to notice a new key, and that an old one is gone; 0 for no rotation. */
  readonly patience: number
  /** An unusual key set that the API is tried with, instead of the tokens of the catalogue. */
  readonly set: SetCase | undefined
  /** The running server that makes the tokens; undefined: this process does. */
  readonly via: string | undefined
}

/** A header as it is typed: a name of RFC 9110 section 5.6.2, a colon, a value. */
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*([\x20-\x7e]*)$/

/** Reads the URL and the flags of `jwksd probe`. The failure says what is wrong with one of them. */
export function planOf(url: string, flags: Readonly<Record<string, string>>): Result<Plan, string> {
  const { method = 'GET', header, accept = '200-299', format = 'table', typ = 'JWT', via, set } = flags
  const { claims: json = '{}', concurrency = '4', rotation = '0' } = flags
  const [, name, value = ''] = HEADER.exec(header ?? '') ?? []
  const [, low = '', high = low] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(accept) ?? []
  const claims = parseJson(json)
  if (!isHttpUrl(url)) return fail('URL must be the http or https URL of an endpoint that requires a token')
  if (!/^[A-Z]{1,16}$/.test(method)) return fail('--method must be a method such as GET')
  if (header !== undefined && name === undefined) return fail('--header must be written NAME: VALUE')
  if (low === '') return fail('--accept must be a status such as 200, or a range such as 200-299')
  if (!isFormat(format)) return fail('--format must be table, json, junit or tap')
  if (!claims.ok || !isObject(claims.value)) return fail('--claims must be a JSON object')
  if (!/^[1-9]\d?$/.test(concurrency)) return fail('--concurrency must be a whole number from 1 to 99')
  if (!/^\d{1,4}$/.test(rotation)) return fail('--rotation must be a whole number of seconds')
  if (via !== undefined && !isHttpUrl(via)) return fail('--via must be the http or https URL of a running jwksd')
  if (set !== undefined && !SET_CASES.has(set)) return fail(`--set must be one of ${[...SET_CASES.keys()].join(', ')}`)
  if (via !== undefined && (typ !== 'JWT' || rotation !== '0' || set !== undefined)) {
    return fail('--via cannot be combined with --typ, --rotation or --set. Leave it out: they need own keys')
  }
  return ok({
    url, via, method, format, typ,
    claims: claims.value,
    header: name === undefined ? undefined : [name, value],
    accepted: [Number(low), Number(high)],
    concurrency: Number(concurrency),
    patience: Number(rotation),
    set: SET_CASES.get(set ?? ''),
  })
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}
