import { parseArgs, type ParseArgsConfig } from 'node:util'
import { type Option, OPTIONS } from './options.ts'
import type { ConfigFault, Setting } from './setting.ts'

/** A flag of one command, beside the options of the server; `value` is empty for a switch. */
export interface Flag {
  readonly name: string
  readonly value: string
}

/** What a command line holds. */
export interface Flags {
  readonly settings: readonly Setting[]
  /** The flags of the command. */
  readonly own: Readonly<Record<string, string>>
  /** The words that are neither options nor values. */
  readonly words: readonly string[]
  readonly asksFor: 'help' | 'version' | undefined
  readonly faults: readonly ConfigFault[]
}

/** A thumbprint may begin with a dash: one in 64 does. It is a word, and not a group of one-letter options. */
const DASHED_KID = /^-[A-Za-z0-9_-]{42}$/
/** Hides the dash from the parser; no argument of a process can hold a NUL. */
const HIDER = '\u0000'

/** How a flag is read, be it an option of the server or a flag of the command. */
type Known = Pick<Option<unknown>, 'wanted' | 'isSwitch' | 'isSecret'>

/** Reads a command line; `more` are the flags of its command. */
export function readFlags(args: readonly string[], more: readonly Flag[]): Flags {
  const known = new Map<string, Known>(OPTIONS)
  for (const { name, value } of more) known.set(name, { wanted: value, isSwitch: value === '' })
  const types = [...known].map(([name, { isSwitch }]) => [name, { type: isSwitch === true ? 'boolean' : 'string' }])
  const options = Object.fromEntries(types) as ParseArgsConfig['options']
  const hidden = args.map((arg) => DASHED_KID.test(arg) ? `${HIDER}${arg}` : arg)
  const { tokens, positionals } = parseArgs({ args: hidden, options, strict: false, tokens: true })
  const words = positionals.map((word) => word.replace(HIDER, ''))
  const flags = tokens.filter((token) => token.kind === 'option')
  const accepted: Setting[] = []
  const faults: ConfigFault[] = []
  for (const { name: option, rawName: typed, value: text } of flags) {
    const isTwice = accepted.some((setting) => setting.option === option)
    const problem = isTwice ? 'is given twice. Give it once' : problemOf(option, text, known.get(option))
    if (problem === undefined) accepted.push({ option, typed, text: text?.replace(HIDER, '') ?? 'true' })
    else faults.push({ typed, problem, ...known.has(option) ? {} : { names: [...known.keys()] } })
  }
  const isOwn = ({ option }: Setting): boolean => more.some(({ name }) => name === option)
  return {
    settings: accepted.filter((setting) => !isOwn(setting)),
    own: Object.fromEntries(accepted.filter(isOwn).map(({ option, text }) => [option, text])),
    words,
    asksFor: requestIn(flags.map(({ name }) => name)),
    faults,
  }
}

/** Whether a command line starts a server: it has no words, or the one word `serve`, and asks for no help. */
export function startsServer(args: readonly string[]): boolean {
  const { words: [word = 'serve', ...others], asksFor } = readFlags(args, [])
  return asksFor === undefined && word === 'serve' && others.length === 0
}

function requestIn(names: readonly string[]): 'help' | 'version' | undefined {
  if (names.includes('help') || names.includes('h')) return 'help'
  return names.includes('version') || names.includes('V') ? 'version' : undefined
}

function problemOf(option: string, text: string | undefined, flag: Known | undefined): string | undefined {
  if (flag === undefined) return 'is not an option'
  if (flag.isSecret === true) {
    return `would show in the list of processes. Set JWKSD_${option.toUpperCase()} or --${option}-file`
  }
  return text === undefined && flag.isSwitch !== true ? `needs a value: ${flag.wanted}` : undefined
}
