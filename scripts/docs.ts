import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { COMMANDS } from '../src/cli/commands.ts'
import { type OptionText, optionTexts } from '../src/config/option-texts.ts'
import { type Event, LEVELS } from '../src/core/event.ts'
import { EXIT } from '../src/system/exit.ts'
import { CATALOGUE } from '../src/testkit/catalogue.ts'
import { SET_CASES } from '../src/testkit/set-cases.ts'
import { EVENT_MEANINGS, EXIT_MEANINGS, MOST_USED_OPTIONS } from './docs-texts.ts'
import { manPage } from './man.ts'
import { isEntry, root } from './setup.js'

/** Writes the tables of README.md and docs from the tables in src; with --check only compares. */

/** One table of a page; it stands between two comments that name it. */
interface Section {
  readonly page: string
  readonly name: string
  readonly lines: readonly string[]
}

/** Every table that this script makes. */
export const SECTIONS: readonly Section[] = [
  { page: 'README.md', name: 'most used options', lines: optionTable(({ name }) => MOST_USED_OPTIONS.has(name)) },
  { page: 'docs/options.md', name: 'options', lines: optionTable(() => true) },
  { page: 'docs/options.md', name: 'commands', lines: [...COMMANDS.keys()].flatMap(commandLines).slice(1) },
  { page: 'docs/events.md', name: 'events', lines: eventTable() },
  { page: 'docs/events.md', name: 'exit codes', lines: exitTable() },
  { page: 'docs/cases.md', name: 'cases', lines: caseTable() },
  { page: 'docs/cases.md', name: 'key sets', lines: setTable() },
]

/** The text of a page with one table in its place; the page must hold both comments. */
export function withSection(text: string, { page, name, lines }: Section): string {
  const [begin, end] = [`<!-- ${name}: made by scripts/docs.ts -->`, `<!-- end of ${name} -->`]
  const [before = '', rest = ''] = text.split(begin)
  const [, after] = rest.split(end)
  if (after === undefined) throw new Error(`Cannot find ${begin} and ${end} in ${page}`)
  return `${before}${begin}\n\n${lines.join('\n')}\n\n${end}${after}`
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  return [headings, headings.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
}

function optionTable(isWanted: (option: OptionText) => boolean): readonly string[] {
  const rows = optionTexts().filter(isWanted)
    .map(({ heading, initial, meaning }) => [`\`${heading}\``, initial, meaning])
  return table(['option', 'default', 'meaning'], rows)
}

function commandLines(name: string): readonly string[] {
  const command = COMMANDS.get(name)
  if (command === undefined) return []
  const { words, flags, meaning, example } = command
  const rows = flags.map((flag) => [`\`--${`${flag.name} ${flag.value}`.trim()}\``, flag.meaning])
  const title = `### \`jwksd ${[name, ...words].join(' ')}\``
  const options = rows.length === 0 ? [] : [...table(['option', 'meaning'], rows), '']
  const examples = example.split('\n').map((line) => `\`${line}\``).join(', then ')
  return ['', title, '', meaning, '', ...options, `Example: ${examples}`]
}

function eventTable(): readonly string[] {
  const members = eventMembers()
  const rows = Object.entries(EVENT_MEANINGS).map(([name, meaning]) => {
    const listed = (members.get(name) ?? []).map((member) => `\`${member}\``).join(', ')
    return [`\`${name}\``, LEVELS.get(name as Event['name']) ?? 'info', listed, meaning]
  })
  return table(['event', 'level', 'members', 'what happened, and what to do'], rows)
}

/** The members of each event, as its type in src/core/event.ts spells them. */
function eventMembers(): ReadonlyMap<string, readonly string[]> {
  const source = readFileSync(join(root, 'src', 'core', 'event.ts'), 'utf8')
  const [, union = ''] = source.split('export type Event =')
  return new Map((union.split('\n\n')[0] ?? '').split('\n  | ').flatMap((branch) => {
    const [, ...members] = [...branch.matchAll(/readonly (\w+)\??:/g)].map(([, member = '']) => member)
    const [names = ''] = /name: ['\w.| ]+/.exec(branch) ?? []
    return [...names.matchAll(/'([\w.]+)'/g)].map(([, name = '']) => [name, members] as const)
  }))
}

function exitTable(): readonly string[] {
  const codes = Object.entries(EXIT).map(([name, code]) => [String(code), EXIT_MEANINGS[name as keyof typeof EXIT]])
  return table(['code', 'meaning'], [['0', 'The command succeeded, or a signal ended the server in order.'], ...codes])
}

function setTable(): readonly string[] {
  const rows = [...SET_CASES.values()].map(({ name, what, rule, level }) =>
    [`\`${name}\``, what, level === 'must' ? 'accept' : 'accept, as good practice', rule])
  return table(['set', 'the key set', 'a token of its key', 'rule'], rows)
}

function caseTable(): readonly string[] {
  const rows = [...CATALOGUE.values()].map(({ name, what, rule, expected, level }) =>
    [`\`${name}\``, what, level === 'must' ? expected : `${expected}, as good practice`, rule])
  return table(['case', 'the token', 'right answer', 'rule'], rows)
}

/** Every page that this script makes, or makes tables of, as it must be. */
function pages(): readonly (readonly [string, string])[] {
  const tables = [...new Set(SECTIONS.map(({ page }) => page))].map((page) => {
    const present = readFileSync(join(root, page), 'utf8')
    return [page, SECTIONS.filter((section) => section.page === page).reduce(withSection, present)] as const
  })
  return [...tables, ['docs/jwksd.1', manPage()]]
}

if (isEntry(import.meta.url)) {
  for (const [page, wanted] of pages()) {
    const path = join(root, page)
    if (existsSync(path) && readFileSync(path, 'utf8') === wanted) continue
    if (!process.argv.includes('--check')) writeFileSync(path, wanted)
    else {
      console.error(`${page} differs from the tables in src: run node --import tsx scripts/docs.ts`)
      process.exitCode = 1
    }
  }
}
