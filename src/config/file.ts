import { isObject, type Json, parseJson } from '../core/json.ts'
import type { ConfigFault, Setting } from './flags.ts'
import { OPTIONS } from './options.ts'

/** Reads a JSON file of options; every fault goes to `faults`. `readFile` throws when there is no such file. */
export function readConfigFile(
  path: string,
  readFile: (path: string) => string,
  faults: ConfigFault[],
): readonly Setting[] {
  const typed = (member: string): string => `"${member}" in ${path}`
  const whole = (problem: string): readonly Setting[] => {
    faults.push({ typed: `--config ${path}`, problem })
    return []
  }
  let text: string
  try {
    text = readFile(path)
  } catch {
    return whole('cannot be read. Name a JSON file that this user may read')
  }
  const parsed = parseJson(text)
  if (!parsed.ok && parsed.error.member === '') return whole(parsed.error.reason)
  if (!parsed.ok) faults.push({ typed: typed(parsed.error.member), problem: parsed.error.reason })
  if (!parsed.ok) return []
  if (!isObject(parsed.value)) return whole('must be a JSON object')
  return Object.entries(parsed.value).flatMap(([option, value]) => {
    const text = textOf(value)
    const row = option === 'config' ? undefined : OPTIONS.get(option)
    const isAllowed = row !== undefined && row.isSecret === undefined
    if (isAllowed && text !== undefined) return [{ option, typed: typed(option), text }]
    const problem = isAllowed ? 'must be a text, a number, true, false or a list of texts'
      : 'is not an option of a file. `jwksd --help` lists all options'
    faults.push({ typed: typed(option), problem })
    return []
  })
}

function textOf(value: Json): string | undefined {
  if (Array.isArray(value)) return value.every((item) => typeof item === 'string') ? value.join(',') : undefined
  return value === null || typeof value === 'object' ? undefined : String(value)
}
