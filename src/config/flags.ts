import { parseArgs } from 'node:util'
import { type CommandName, COMMANDS, isCommand, OWN_OPTIONS } from './commands.ts'
import { isOption, isSecret, isSwitch, optionTexts } from './options.ts'

/** One thing that is wrong, where it was said, and what would be right. */
export interface ConfigFault {
  readonly option: string
  readonly source: string
  readonly problem: string
}

/** One option, as it was written somewhere. */
export interface Said {
  readonly option: string
  readonly source: string
  readonly text: string
}

/** What a command line says. */
export interface Flags {
  readonly said: Said[]
  readonly own: Record<string, string>
  readonly words: readonly string[]
  readonly command: CommandName
  readonly wants?: 'help' | 'version'
}

/** Reads a command line; every fault goes to `faults`, and a call for help ends the reading. */
export function readFlags(args: readonly string[], faults: ConfigFault[]): Flags {
  const options = Object.fromEntries([...optionTexts(), ...OWN_OPTIONS].map(({ name, value }) =>
    [name, { type: value === '' ? 'boolean' : 'string' } as const]))
  const { tokens, positionals } = parseArgs({ args: [...args], options, strict: false, tokens: true })
  const [word = 'serve', ...words] = positionals
  const command = isCommand(word) ? word : 'serve'
  const flags: Flags = { said: [], own: {}, words, command }
  const fault = (option: string, problem: string): void => void faults.push({ option, source: 'flag', problem })
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const { name, rawName, value } = token
    if (name === 'help' || name === 'h') return { ...flags, wants: 'help' }
    if (name === 'version') return { ...flags, wants: 'version' }
    const own = COMMANDS[command].own.find((one) => one.name === name)
    const isTwice = Object.hasOwn(flags.own, name) || flags.said.some(({ option }) => option === name)
    if (own === undefined && !isOption(name)) fault(rawName, `is not an option${command === 'serve' ? '' : ` of ${command}`}; --help lists them`)
    else if (own === undefined && isOption(name) && isSecret(name)) fault(rawName, `shows in the list of processes; set JWKSD_${name.toUpperCase()} or use a file`)
    else if (value === undefined && own?.value !== '' && !(isOption(name) && isSwitch(name))) fault(rawName, 'needs a value')
    else if (isTwice) fault(rawName, 'is given twice')
    else if (own !== undefined) flags.own[name] = value ?? 'true'
    else flags.said.push({ option: name, source: 'flag', text: value ?? 'true' })
  }
  // The word after an unknown option is most likely its value.
  if (faults.length === 0) judgeWords(word, words, fault)
  return flags
}

function judgeWords(word: string, words: readonly string[], fault: (option: string, problem: string) => void): void {
  if (!isCommand(word)) return fault(JSON.stringify(word), `is not a command; ${Object.keys(COMMANDS).join(', ')} are`)
  const { words: wanted } = COMMANDS[word]
  if (words.length < wanted.filter((one) => !one.startsWith('[')).length) fault(word, `needs ${wanted.join(' ')}`)
  // A word in lower case stands for itself.
  for (const [at, one] of wanted.entries()) if (/^[a-z]/.test(one) && words[at] !== one) fault(word, `must be followed by ${one}`)
  for (const extra of words.slice(wanted.length)) fault(JSON.stringify(extra), 'is not expected here')
}

