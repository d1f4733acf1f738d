import { optionTexts } from '../config/option-texts.ts'
import { VERSION } from '../config/version.ts'
import type { Command, CommandFlag } from './command.ts'

/** Columns that help fits in. */
const WIDTH = 80

/** What `jwksd --help` prints: the commands in a line each, and every option of the server. */
export function help(commands: ReadonlyMap<string, Command>): string {
  const rows = [...commands].map(([name, { words, meaning }]) =>
    `  ${[name, ...words].join(' ')}\n${wrapped(meaning, 6)}`)
  const options = optionTexts().map(({ heading, initial, meaning }) =>
    `  ${heading}\n${wrapped(meaning, 6)}\n${wrapped(`default: ${initial}`, 6)}`)
  return `jwksd ${VERSION}: holds signing keys, rotates them safely, publishes them as
a JWK Set, issues signed JWTs

usage: jwksd [COMMAND] [options]   (serve is the default)
       jwksd help COMMAND | --version

commands:
${rows.join('\n')}

Each option can also be set in the environment (JWKSD_ROTATION_INTERVAL for
--rotation-interval) or in a JSON file (--config). Flags win over the
environment, the environment over the file. Durations: 90s, 15m, 48h, 7d.

options:
${options.join('\n')}
`
}

/** What `jwksd help COMMAND` prints. */
export function commandHelp(name: string, { words, flags, meaning, example }: Command): string {
  const options = flags.length === 0 ? '' : `\noptions:\n${flags.map(flagText).join('\n')}\n`
  return `usage: jwksd ${[name, ...words].join(' ')}${flags.length === 0 ? '' : ' [options]'}

${wrapped(meaning, 2)}
${options}
The options of the server apply too: jwksd --help

example:
${example.split('\n').map((line) => `  ${line}`).join('\n')}
`
}

function flagText({ name, value, meaning }: CommandFlag): string {
  return `  --${name}${value === '' ? '' : ` ${value}`}\n${wrapped(meaning, 6)}`
}

/** Breaks a text into lines behind an indentation; marks of code are left out. */
function wrapped(text: string, indent: number): string {
  const lines = ['']
  for (const word of text.replaceAll('`', '').split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line === '') lines[lines.length - 1] = word
    else if (indent + line.length + 1 + word.length > WIDTH) lines.push(word)
    else lines[lines.length - 1] = `${line} ${word}`
  }
  return lines.map((line) => `${' '.repeat(indent)}${line}`).join('\n')
}
