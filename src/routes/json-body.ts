import { isObject, type JsonObject, parseJsonBytes } from '../core/json.ts'
import { fail, type Result } from '../core/result.ts'
import { problem } from '../http/problem.ts'
import type { Reply } from '../http/reply.ts'

/** Reads a body that must be a JSON object, or answers what is wrong with it. */
export function parseJsonBody(body: Uint8Array): Result<JsonObject, Reply> {
  const parsed = parseJsonBytes(body)
  if (!parsed.ok) return refuse(parsed.error.member, parsed.error.reason)
  return isObject(parsed.value) ? { ok: true, value: parsed.value } : refuse('', 'must be a JSON object')
}

/** A 400 that names the member at fault; an empty name is the whole body. */
export function refuse(member: string, wrong: string): Result<never, Reply> {
  return fail(member === '' ? problem(400, `The body ${wrong}`) : problem(400, `${member} ${wrong}`, { member }))
}
