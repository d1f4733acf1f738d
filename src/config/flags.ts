import { parseArgs } from 'node:util'
import { nearest } from '../core/nearest.ts'
import { OPTIONS } from './options.ts'

/** A fault of a configuration: the option as it was typed, and what is wrong with it. */
export interface ConfigFault {
  readonly typed: string
  readonly problem: string
}

/** The text of one option, and how it was typed: `--port`, `JWKSD_PORT`, or a member of a file. */
export interface Setting {
  readonly option: string
  readonly typed: string
  readonly text: string
}

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
}

type Token = Extract<NonNullable<ReturnType<typeof parseArgs>['tokens']>[number], { readonly kind: 'option' }>

/** Reads a command line; `more` are the flags of its command. Every fault goes to `faults`. */
export function readFlags(args: readonly string[], more: readonly Flag[], faults: ConfigFault[]): Flags {
  const { tokens, positionals } = split(args, more)
  const settings: Setting[] = []
  const own: Record<string, string> = {}
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const { name, rawName: typed, value: text = 'true' } = token
    const isOwn = more.some((flag) => flag.name === name)
    const isTwice = Object.hasOwn(own, name) || settings.some(({ option }) => option === name)
    const problem = isTwice ? 'is given twice. Give it once' : problemOf(token, more)
    if (problem !== undefined) faults.push({ typed, problem })
    else if (isOwn) own[name] = text
    else settings.push({ option: name, typed, text })
  }
  return { settings, own, words: positionals }
}

/** The words of a command line, and whether it asks for help or the version. */
export function wordsOf(args: readonly string[], more: readonly Flag[]): {
  readonly words: readonly string[]
  readonly asksFor: 'help' | 'version' | undefined
} {
  const { tokens, positionals: words } = split(args, more)
  const names = new Set(tokens.map((token) => token.kind === 'option' ? token.name : ''))
  const asksForHelp = names.has('help') || names.has('h')
  return { words, asksFor: asksForHelp ? 'help' : names.has('version') || names.has('V') ? 'version' : undefined }
}

/** Whether a command line starts a server: it has no words, or the one word `serve`, and asks for no help. */
export function startsServer(args: readonly string[]): boolean {
  const { words, asksFor } = wordsOf(args, [])
  return asksFor === undefined && (words.length === 0 || (words.length === 1 && words[0] === 'serve'))
}

function split(args: readonly string[], more: readonly Flag[]): Pick<ReturnType<typeof parseArgs>, 'positionals'> & {
  readonly tokens: NonNullable<ReturnType<typeof parseArgs>['tokens']>
} {
  const known = [...[...OPTIONS].map(([name, { value }]) => ({ name, value })), ...more]
  const options = Object.fromEntries(known.map(({ name, value }) =>
    [name, { type: value === '' ? 'boolean' : 'string' } as const]))
  return parseArgs({ args: [...args], options, strict: false, tokens: true })
}

function problemOf({ name, value }: Token, more: readonly Flag[]): string | undefined {
  const option = more.find((flag) => flag.name === name) ?? OPTIONS.get(name)
  if (option === undefined) {
    const [near] = nearest(name, [...more.map((flag) => flag.name), ...OPTIONS.keys()])
    return `is not an option. ${near === undefined ? '' : `Did you mean --${near}? `}\`jwksd --help\` lists all options`
  }
  if ('isSecret' in option) return `would show in the list of processes. Set JWKSD_${name.toUpperCase()}, or use a file`
  return value === undefined && option.value !== '' ? `needs a value: --${name} ${option.value}` : undefined
}
