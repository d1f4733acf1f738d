import { isObject, type Json, type JsonObject, type MemberFault, parseJson } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { readPlain } from '../system/plain-file.ts'
import { OPTIONS } from './options.ts'
import type { ConfigFault, Setting } from './setting.ts'

/** The text of a file; throws when it cannot be read. */
type ReadFile = (path: string) => string

/** The options in the JSON file that `named` names; every fault is added to `faults`. */
export function readConfigFile(
  named: Setting,
  faults: ConfigFault[],
  readFile: ReadFile = readPlain,
): readonly Setting[] {
  const inFile = (member: string): string => `"${member}" in ${named.text}`
  const content = readObject(named.text, readFile)
  if (!content.ok) {
    const { member, reason } = content.error
    faults.push({ typed: member === '' ? `${named.typed} ${named.text}` : inFile(member), problem: reason })
    return []
  }
  return Object.entries(content.value).flatMap(([option, value]) => {
    const typed = inFile(option)
    const text = textOf(value)
    const isAllowed = option !== 'config' && OPTIONS.has(option) && OPTIONS.get(option)?.isSecret !== true
    if (isAllowed && text !== undefined) return [{ option, typed, text }]
    const problem = isAllowed ? 'must be a text, a number, true, false or a list of texts'
      : 'is not an option of a file. `jwksd --help` lists all options'
    faults.push({ typed, problem })
    return []
  })
}

function readObject(path: string, readFile: ReadFile): Result<JsonObject, MemberFault> {
  let text: string
  try {
    text = readFile(path)
  } catch {
    return fail({ member: '', reason: 'cannot be read. Name a JSON file that you may read and others may not write' })
  }
  const parsed = parseJson(text)
  if (!parsed.ok) return parsed
  return isObject(parsed.value) ? ok(parsed.value) : fail({ member: '', reason: 'must be a JSON object' })
}

function textOf(value: Json): string | undefined {
  if (Array.isArray(value)) return value.every((item) => typeof item === 'string') ? value.join(',') : undefined
  return value === null || typeof value === 'object' ? undefined : String(value)
}
