import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../scripts/setup.js'

/** One page of the documentation. */
export interface Page {
  /** Below the root. */
  readonly path: string
  readonly text: string
}

/** One block of code of a page. */
export interface Block {
  readonly language: string
  readonly line: number
  readonly lines: readonly string[]
}

/** One command of a shell block, and what it prints; undefined where the page does not show it. */
export interface Statement {
  readonly command: string
  readonly output: readonly string[] | undefined
}

/** The README and every page of docs. */
export function readPages(): readonly Page[] {
  const names = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md')).toSorted()
  return ['README.md', ...names.map((name) => `docs/${name}`)]
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

/** The fenced blocks of a page, without the indentation of their fence. */
export function blocksOf({ text }: Page): readonly Block[] {
  const before = (end: number): number => text.slice(0, end).split('\n').length
  return [...text.matchAll(/^( *)```(\w+)\n([\s\S]*?)^\1```$/gm)].map((found) => {
    const [, indent = '', language = '', body = ''] = found
    const lines = body.trimEnd().split('\n').map((line) => line.startsWith(indent) ? line.slice(indent.length) : line)
    return { language, line: before(found.index), lines }
  })
}

/** The commands of a block in their order: each line of `sh`, each `$ ` of `console` with the output behind it. */
export function statementsOf({ language, lines }: Block): readonly Statement[] {
  const statements: { command: string; output: string[] | undefined }[] = []
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? ''
    if (language === 'console' && !line.startsWith('$ ')) {
      statements.at(-1)?.output?.push(line)
      continue
    }
    const command = [language === 'console' ? line.slice(2) : line]
    while (!isWhole(command)) command.push(lines[at += 1] ?? '')
    statements.push({ command: command.join('\n'), output: language === 'console' ? [] : undefined })
  }
  return statements
}

/** Whether a command goes on neither behind a backslash or a pipe nor in a document within it. */
function isWhole(lines: readonly string[]): boolean {
  const [, word] = /<<'(\w+)'/.exec(lines[0] ?? '') ?? []
  return word === undefined ? !/(?:\\|\|)$/.test(lines.at(-1) ?? '') : lines.at(-1) === word
}

/** The text that a page shows, as a pattern: `...` stands for anything; times, tokens and hashes vary. */
export function patternOf(lines: readonly string[]): RegExp {
  return new RegExp(`^${lines.map((line) => line === '...' ? '(?:.*\n)*' : `${linePattern(line)}\n`).join('')}$`)
}

/** What varies from run to run, and what it looks like. */
const VARYING: readonly (readonly [RegExp, string])[] = [
  [/\.\.\./, '.*'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/, '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d'],
  [/\d{10,}/, '\\d{10,}'],
  [/(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{16,}/, '[\\w-]{16,}'],
]
const ANY = new RegExp(VARYING.map(([{ source }]) => source).join('|'), 'g')

function linePattern(line: string): string {
  const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const varying = [...line.matchAll(ANY)].map(([found]) => VARYING.find(([pattern]) => pattern.test(found))?.[1] ?? '')
  return line.split(ANY).map((text, at) => `${literal(text)}${varying[at] ?? ''}`).join('')
}
