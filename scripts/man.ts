import { COMMANDS } from '../src/cli/commands.ts'
import type { Command } from '../src/cli/command.ts'
import { optionTexts } from '../src/config/option-texts.ts'
import { VERSION } from '../src/config/version.ts'
import { EXIT } from '../src/system/exit.ts'
import { EXIT_MEANINGS } from './docs-texts.ts'

/** The day on which this version was begun. */
const DATE = '2026-12-01'

/** The man page, in the macros of man(7), from the tables of commands, options and exit codes. */
export function manPage(): string {
  const codes = Object.entries(EXIT).map(([name, code]) =>
    item(String(code), EXIT_MEANINGS[name as keyof typeof EXIT]))
  const options = optionTexts().map(({ heading, meaning, initial }) => item(heading, `${meaning} (default: ${initial})`))
  return `${[
    `.TH JWKSD 1 ${DATE} "jwksd ${VERSION}"`,
    '.SH NAME', 'jwksd \\- hold, rotate and publish signing keys, and issue signed JWTs',
    '.SH SYNOPSIS', '.B jwksd', '[COMMAND] [options]',
    '.SH COMMANDS', 'Without a command, a server starts.', ...[...COMMANDS].map(commandItem),
    '.SH OPTIONS',
    roff('Each option can also stand in the environment (JWKSD_PORT for --port) or in a JSON file (--config).'), ...options,
    '.SH EXIT STATUS', item('0', 'The command succeeded, or a signal ended the server in order.'), ...codes,
  ].join('\n')}\n`
}

function commandItem([name, { words, meaning, flags, example }]: readonly [string, Command]): string {
  const own = flags.map((flag) => `.br\n${roff(`--${`${flag.name} ${flag.value}`.trim()}: ${flag.meaning}`)}`)
  const examples = example.split('\n').map((line) => `.br\n${roff(`Example: ${line}`)}`)
  return [item([name, ...words].join(' '), meaning), ...own, ...examples].join('\n')
}

function item(heading: string, text: string): string {
  return `.TP\n.B ${escaped(heading)}\n${roff(text)}`
}

/** Text without marks of code, in which nothing is an escape. */
function escaped(text: string): string {
  return text.replaceAll('`', '').replaceAll('\\', '\\e').replaceAll('-', '\\-')
}

/** Text for the body: a sentence on each line, lines of at most 79 bytes, and none that is a request. */
function roff(text: string): string {
  const sentences = escaped(text).replaceAll(/([.:?]) (?=[A-Z])/g, '$1\n')
  return sentences.replaceAll(/(.{1,76})(?: |$)/gm, '$1\n').trimEnd().replaceAll(/^(?=[.'])/gm, '\\&')
}
