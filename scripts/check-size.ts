import { readFileSync } from 'node:fs'
import { relative, sep } from 'node:path'
import { importsOf } from './check-layers.ts'
import { filesBelow, isEntry, root } from './setup.js'

/** Lines: of code that one deployment loads, of a file, of a function. */
const LIMITS = { deployment: 4800, file: 200, function: 40 }

/** What each kind of deployment loads on top of what every server does. */
export const DEPLOYMENTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['development (memory, /auth)', ['stores/memory.ts', 'routes/auth.ts', 'routes/auth-cases.ts', 'keyring/expired.ts']],
  ['production (file, admin, audit)', [
    'stores/file.ts', 'serve/admin-server.ts', 'routes/admin.ts', 'audit/log.ts', 'stores/line-file.ts',
  ]],
  ['token service (file, clients)', [
    'stores/file.ts', 'serve/token-service.ts', 'stores/jti-folder.ts',
  ]],
])
const ENTRIES = ['server.ts', 'serve/serve.ts']

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

/** The files that a deployment loads, by path below src. */
export function loadedBy(extras: readonly string[], files: ReadonlyMap<string, string>): readonly string[] {
  const loaded = new Set<string>()
  const load = (path: string): void => {
    if (loaded.has(path)) return
    loaded.add(path)
    for (const { target, isStatic } of importsOf(path, files.get(path) ?? '')) if (target !== undefined && isStatic) load(target)
  }
  for (const path of [...ENTRIES, ...extras]) load(path)
  return [...loaded].toSorted()
}

/** Everything that has outgrown its limit; `deployments` are the lines of code of each. */
export function sizeFaults(sizes: readonly Size[], deployments: ReadonlyMap<string, number>): readonly string[] {
  return [
    ...[...deployments].filter(([, lines]) => lines > LIMITS.deployment)
      .map(([name, lines]) => `${name} loads ${lines} lines of code, more than ${LIMITS.deployment}`),
    ...sizes.filter(({ lines }) => lines > LIMITS.file).map(({ path, lines }) => `${path} has ${lines} lines, more than ${LIMITS.file}`),
    ...sizes.flatMap(({ path, functions }) => functions.filter(({ lines }) => lines > LIMITS.function)
      .map(({ name, lines }) => `${path}: ${name} has ${lines} lines, more than ${LIMITS.function}`)),
  ]
}

if (isEntry(import.meta.url)) {
  const src = `${root}src`
  const texts = new Map(filesBelow(src).map((path) => [relative(src, path).split(sep).join('/'), readFileSync(path, 'utf8')]))
  const sizes = [...texts].map(([path, text]) => sizeOf(path, text))
  const roomOf = ({ path }: Size): string => path.includes('/') ? path.replace(/\/.*/, '') : 'root'
  for (const room of new Set(sizes.map(roomOf))) {
    const files = sizes.filter((size) => roomOf(size) === room)
    const code = files.reduce((sum, file) => sum + file.code, 0)
    console.log(`${room.padEnd(8)} ${String(files.length).padStart(3)} files ${String(code).padStart(5)} lines of code`)
  }
  const lengths = sizes.flatMap(({ functions }) => functions.map(({ lines }) => lines)).sort((one, other) => one - other)
  const codeOf = new Map(sizes.map(({ path, code }) => [path, code]))
  const deployments = new Map([...DEPLOYMENTS].map(([name, extras]) =>
    [name, loadedBy(extras, texts).reduce((sum, path) => sum + (codeOf.get(path) ?? 0), 0)]))
  for (const [name, lines] of deployments) console.log(`${name} loads ${lines} lines of code`)
  const faults = sizeFaults(sizes, deployments)
  for (const fault of faults) console.error(fault)
  const total = sizes.reduce((sum, { code }) => sum + code, 0)
  console.log(`size: ${total} lines of code, ${lengths.length} functions, median ${lengths[lengths.length >> 1]} lines,` +
    ` longest ${lengths.at(-1)}`)
  process.exitCode = faults.length === 0 ? 0 : 1
}
