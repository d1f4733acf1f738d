import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { optionTexts } from '../src/config/option-texts.ts'

/** Writes the option table of the README from the one table in src/config/option-texts.ts; with --check only compares. */

const README = fileURLToPath(new URL('../README.md', import.meta.url))
const BEGIN = '<!-- options: made by scripts/readme-options.ts -->'
const END = '<!-- end of options -->'

const rows = optionTexts().map(({ heading, initial, meaning }) =>
  `| \`${heading}\` | ${initial} | ${meaning} |`)
const table = ['', '| option | default | meaning |', '| --- | --- | --- |', ...rows, ''].join('\n')

const present = readFileSync(README, 'utf8')
const [before = '', rest = ''] = present.split(BEGIN)
const [, after] = rest.split(END)
if (after === undefined) throw new Error(`Cannot find ${BEGIN} and ${END} in README.md`)
const wanted = `${before}${BEGIN}\n${table}\n${END}${after}`

if (wanted !== present && process.argv.includes('--check')) {
  console.error('README.md: the option table differs from src/config/option-texts.ts; run node --import tsx scripts/readme-options.ts')
  process.exitCode = 1
} else if (wanted !== present) {
  writeFileSync(README, wanted)
}
