import type { MemberFault } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { decodeUtf8 } from '../core/encoding.ts'

const MAX_PARAMETERS = 256

/**
 * Reads application/x-www-form-urlencoded, from a body or a query; a parameter that repeats, broken percent encoding
 * and invalid UTF-8 are faults (RFC 6749 section 3.2 and appendix B). Names in `lists` may repeat: their values go
 * there.
 */
export function parseForm(
  content: Uint8Array | string,
  lists: ReadonlyMap<string, string[]> = new Map(),
): Result<ReadonlyMap<string, string>, MemberFault> {
  const text = typeof content === 'string' ? content : decodeUtf8(content)
  if (text === undefined) return fail({ member: '', reason: 'is not valid UTF-8' })
  const form = new Map<string, string>()
  for (const pair of text.split('&')) {
    if (pair === '') continue
    if (form.size >= MAX_PARAMETERS) return fail({ member: '', reason: `has more than ${MAX_PARAMETERS} parameters` })
    const [rawName = '', ...rest] = pair.split('=')
    const name = decodeFormText(rawName)
    const value = decodeFormText(rest.join('='))
    if (name === undefined) return fail({ member: rawName, reason: 'is not encoded as a form' })
    if (value === undefined) return fail({ member: name, reason: 'is not encoded as a form' })
    if (form.has(name)) return fail({ member: name, reason: 'appears twice' })
    const list = lists.get(name)
    if (list === undefined) form.set(name, value)
    else list.push(value)
  }
  return ok(form)
}

/** Decodes one name or value of a form; undefined when it is not encoded as one (RFC 6749 appendix B). */
export function decodeFormText(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
