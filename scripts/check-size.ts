import { readFileSync } from 'node:fs'
import { relative, sep } from 'node:path'
import { filesBelow, isEntry, root } from './setup.js'

/** How large files, lines and functions of src may be; what a running server loads is `price-list.ts`. */

/** Lines of a file and of a function, columns of a line; `median` and `most` (9 of 10) are over all functions. */
const LIMITS = { file: 200, columns: 120, function: { longest: 40, most: 20, median: 6 } }

/** How large one file is. */
export interface Size {
  readonly path: string
  readonly lines: number
  /** Lines that are neither blank nor comment. */
  readonly code: number
  /** The lines that are too wide, by number. */
  readonly wide: readonly number[]
  readonly functions: readonly { readonly name: string; readonly lines: number }[]
}

/** Where a function begins: a declaration, a method, or an arrow with a body that has a name. */
const HEAD = /^(\s*)(?:(?:export )?(?:async )?function (\w+)|(?:static |async |get )*(#?\w+)\(.*\{$|(?:const )?(\w+)(?: =|:) (?:async )?\(.*=> \{$)/
const KEYWORDS: ReadonlySet<string> = new Set(['if', 'for', 'while', 'switch', 'catch'])

/** Measures one file; a function reaches from its head to the first brace that closes at the same indentation. */
export function sizeOf(path: string, text: string): Size {
  const lines = text.trimEnd().split('\n')
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').split('\n').filter((line) => !/^\s*(?:\/\/.*)?$/.test(line))
  const functions = lines.flatMap((line, at) => {
    const [, indent = '', declared, method, arrow] = HEAD.exec(line) ?? []
    const name = declared ?? method ?? arrow
    if (name === undefined || KEYWORDS.has(name)) return []
    return [{ name, lines: lines.slice(at + 1).findIndex((later) => later.startsWith(`${indent}}`)) + 2 }]
  })
  const wide = lines.flatMap((line, at) => line.length > LIMITS.columns ? [at + 1] : [])
  return { path, lines: lines.length, code: code.length, wide, functions }
}

/** The size of every file of src, by path below it. */
export function sizesOfSource(): ReadonlyMap<string, Size> {
  const src = `${root}src`
  const paths = filesBelow(src).map((path) => [relative(src, path).split(sep).join('/'), path] as const)
  return new Map(paths.map(([name, path]) => [name, sizeOf(name, readFileSync(path, 'utf8'))]))
}

/** Everything that has outgrown its limit. */
export function sizeFaults(sizes: readonly Size[]): readonly string[] {
  const { file, columns, function: { longest, most, median } } = LIMITS
  const lengths = lengthsOf(sizes)
  return [
    ...sizes.filter(({ lines }) => lines > file).map(({ path, lines }) => `${path} has ${lines} lines, more than ${file}`),
    ...sizes.flatMap(({ path, wide }) => wide.map((line) => `${path}:${line} is wider than ${columns} columns`)),
    ...sizes.flatMap(({ path, functions }) => functions.filter(({ lines }) => lines > longest)
      .map(({ name, lines }) => `${path}: ${name} has ${lines} lines, more than ${longest}`)),
    ...(shareOf(lengths, 0.5) > median ? [`half of the functions have more than ${median} lines`] : []),
    ...(shareOf(lengths, 0.9) > most ? [`a tenth of the functions has more than ${most} lines`] : []),
  ]
}

function lengthsOf(sizes: readonly Size[]): readonly number[] {
  return sizes.flatMap(({ functions }) => functions.map(({ lines }) => lines)).sort((one, other) => one - other)
}

/** The length that this share of the functions does not exceed; 0 without functions. */
function shareOf(lengths: readonly number[], share: number): number {
  return lengths[Math.ceil(lengths.length * share) - 1] ?? 0
}

/** The room of a file, as a person would name it. */
function roomOf({ path }: Size): string {
  return /^testkit\/\w+\//.test(path) ? path.split('/').slice(0, 2).join('/') : path.includes('/') ? path.replace(/\/.*/, '') : 'entry'
}

if (isEntry(import.meta.url)) {
  const sizes = [...sizesOfSource().values()]
  for (const room of new Set(sizes.map(roomOf))) {
    const files = sizes.filter((size) => roomOf(size) === room)
    const code = files.reduce((sum, file) => sum + file.code, 0)
    console.log(`${room.padEnd(16)} ${String(files.length).padStart(3)} files ${String(code).padStart(5)} lines of code`)
  }
  const faults = sizeFaults(sizes)
  for (const fault of faults) console.error(fault)
  const lengths = lengthsOf(sizes)
  const total = sizes.reduce((sum, { code }) => sum + code, 0)
  const figures = [0.5, 0.9, 1].map((share) => shareOf(lengths, share)).join(', ')
  console.log(`size: ${total} lines of code in ${sizes.length} files; ${lengths.length} functions of ${figures} lines (median, 9 of 10, longest)`)
  process.exitCode = faults.length === 0 ? 0 : 1
}
