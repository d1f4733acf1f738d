import { COMMANDS, type CommandText } from '../config/commands.ts'
import { optionTexts } from '../config/options.ts'
import { version } from '../config/version.ts'

/** What `--help` prints: the commands and the whole table of options. */
export function help(): string {
  const rows = optionTexts().map(({ heading, standard, meaning }) =>
    `  ${heading}\n      ${plain(meaning)}\n      default: ${plain(standard)}`)
  return `${version()}: holds signing keys, rotates them safely, publishes them as a JWK Set, issues signed JWTs

usage: jwksd [COMMAND] [options]   (serve when there is none)
       jwksd --help | --version

${Object.entries(COMMANDS).map(([name, text]) => usage(name, text)).join('\n')}

Each option can also be set in the environment (JWKSD_ROTATION_INTERVAL for --rotation-interval) or in a JSON file
(--config). Flags win over the environment, the environment over the file. Durations: 90s, 15m, 48h, 7d.

options:
${rows.join('\n')}
`
}

function usage(name: string, { words, own, meaning }: CommandText): string {
  const head = ['  jwksd', name, ...words, ...own.map(({ name: option, value }) => `[--${option}${value === '' ? '' : ` ${value}`}]`)]
  const details = own.map((option) => `\n        --${option.name}: ${option.meaning}`)
  return `${head.join(' ')}\n      ${meaning}${details.join('')}`
}

function plain(text: string): string {
  return text.replaceAll('`', '')
}
