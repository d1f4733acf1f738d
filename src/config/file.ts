import { isObject, type Json, parseJson } from '../core/json.ts'
import type { ConfigFault, Said } from './flags.ts'
import { isOption, isSecret } from './options.ts'

/** Reads a file of options; every fault goes to `faults`. `readFile` answers its text, and throws when there is none. */
export function readConfigFile(path: string, readFile: (path: string) => string, faults: ConfigFault[]): readonly Said[] {
  const fault = (option: string, problem: string): void => void faults.push({ option, source: path, problem })
  let text: string
  try {
    text = readFile(path)
  } catch {
    fault('config', 'cannot be read')
    return []
  }
  const parsed = parseJson(text)
  if (!parsed.ok || !isObject(parsed.value)) {
    fault(parsed.ok ? 'config' : parsed.error.member || 'config', parsed.ok ? 'must be a JSON object' : parsed.error.reason)
    return []
  }
  return Object.entries(parsed.value).flatMap(([option, value]) => {
    const text = textOf(value)
    if (!isOption(option) || option === 'config' || isSecret(option)) fault(option, 'is not an option of a file; --help lists them')
    else if (text === undefined) fault(option, 'must be a text, a number, true, false or a list of texts')
    else return [{ option, source: path, text }]
    return []
  })
}

function textOf(value: Json): string | undefined {
  if (Array.isArray(value)) return value.every((item) => typeof item === 'string') ? value.join(',') : undefined
  return value === null || typeof value === 'object' ? undefined : String(value)
}
