import { readFileSync } from 'node:fs'
import { relative, sep } from 'node:path'
import { filesBelow, isEntry, root } from './setup.js'

/** Lines: of code that runs in production, of a file, of a function. */
const LIMITS = { production: 3000, file: 200, function: 40 }

/** How large one file is. */
export interface Size {
  readonly path: string
  readonly lines: number
  /** Neither blank nor comment. */
  readonly code: number
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
  return { path, lines: lines.length, code: code.length, functions }
}

/** Everything that has outgrown its limit. */
export function sizeFaults(sizes: readonly Size[]): readonly string[] {
  const production = sizes.filter(({ path }) => !path.startsWith('testkit/')).reduce((sum, { code }) => sum + code, 0)
  return [
    ...(production > LIMITS.production ? [`production code has ${production} lines, more than ${LIMITS.production}`] : []),
    ...sizes.filter(({ lines }) => lines > LIMITS.file).map(({ path, lines }) => `${path} has ${lines} lines, more than ${LIMITS.file}`),
    ...sizes.flatMap(({ path, functions }) => functions.filter(({ lines }) => lines > LIMITS.function)
      .map(({ name, lines }) => `${path}: ${name} has ${lines} lines, more than ${LIMITS.function}`)),
  ]
}

if (isEntry(import.meta.url)) {
  const src = `${root}src`
  const sizes = filesBelow(src).map((path) => sizeOf(relative(src, path).split(sep).join('/'), readFileSync(path, 'utf8')))
  const roomOf = ({ path }: Size): string => path.includes('/') ? path.replace(/\/.*/, '') : 'root'
  for (const room of new Set(sizes.map(roomOf))) {
    const files = sizes.filter((size) => roomOf(size) === room)
    const code = files.reduce((sum, file) => sum + file.code, 0)
    console.log(`${room.padEnd(8)} ${String(files.length).padStart(3)} files ${String(code).padStart(5)} lines of code`)
  }
  const lengths = sizes.flatMap(({ functions }) => functions.map(({ lines }) => lines)).sort((one, other) => one - other)
  const faults = sizeFaults(sizes)
  for (const fault of faults) console.error(fault)
  const total = sizes.reduce((sum, { code }) => sum + code, 0)
  console.log(`size: ${total} lines of code, ${lengths.length} functions, median ${lengths[lengths.length >> 1]} lines,` +
    ` longest ${lengths.at(-1)}`)
  process.exitCode = faults.length === 0 ? 0 : 1
}
