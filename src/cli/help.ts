import { optionTexts } from '../options.ts'
import { VERSION } from '../version.ts'

/** What `--version` prints. */
export function version(): string {
  return `jwksd ${VERSION}`
}

/** What `--help` prints: the commands and the whole table of options. */
export function help(): string {
  const rows = optionTexts().map(({ name, value, standard, meaning }) => {
    const head = `  --${name}${value === '' ? '' : ` ${value}`}`
    return `${head}\n      ${plain(meaning)}\n      default: ${plain(standard)}`
  })
  return `${version()}: holds signing keys, rotates them safely, publishes them as a JWK Set, issues signed JWTs

usage: jwksd [serve] [options]   serve until SIGTERM or Ctrl-C
       jwksd check [options]     print the proof that rotation cannot break a verifier; exit 78 if it does not hold
       jwksd --help | --version

Each option can also be set in the environment (JWKSD_ROTATION_INTERVAL for --rotation-interval) or in a JSON file
(--config). Flags win over the environment, the environment over the file. Durations: 90s, 15m, 48h, 7d.

options:
${rows.join('\n')}
`
}

function plain(text: string): string {
  return text.replaceAll('`', '')
}
