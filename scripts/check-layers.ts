import { readFileSync } from 'node:fs'
import { posix, relative, sep } from 'node:path'
import { filesBelow, isEntry, root } from './setup.js'

/** The rooms of src, low to high, and what each may import besides itself; a path of two names is a room in a room. */
const ROOMS: ReadonlyMap<string, readonly string[]> = new Map([
  ['core', []],
  ['system', ['core']],
  ['jose', ['core']],
  ['keyring', ['core', 'jose']],
  ['oauth', ['core', 'jose', 'keyring']],
  ['audit', ['core', 'jose']],
  ['http', ['core']],
  ['config', ['core', 'system', 'jose', 'keyring']],
  ['stores', ['core', 'system', 'jose', 'keyring', 'oauth', 'audit', 'config']],
  ['testkit', ['core', 'system', 'jose', 'keyring', 'http', 'config']],
  ['testkit/probe', ['core', 'system', 'jose', 'keyring', 'http', 'config', 'testkit']],
  ['testkit/simulate', ['core', 'system', 'jose', 'keyring', 'config', 'testkit']],
  // What runs in a browser, and there has clock, timers and requests.
  ['web/page', ['web']],
  ['web', ['core', 'web/page']],
  ['routes', ['core', 'jose', 'keyring', 'oauth', 'http', 'web']],
  ['serve', ['core', 'system', 'jose', 'keyring', 'oauth', 'audit', 'http', 'config', 'stores', 'testkit', 'routes', 'web']],
  ['cli', [
    'core', 'system', 'jose', 'keyring', 'oauth', 'audit', 'http', 'config', 'stores', 'testkit', 'testkit/probe',
    'testkit/simulate', 'serve', 'web', 'web/page',
  ]],
  ['server.ts', ['config', 'system', 'serve', 'cli']],
])

/** Whatever opens a file by its path, where `openPrivate` would look at the file first. */
const OPENS = /import \{[^}]*\b(?:open|openAsBlob|cp|(?:open|readFile|writeFile|appendFile|copyFile|cp)Sync|(?:read|write|append|copy)File|create(?:Read|Write)Stream)\b[^}]*\} from 'node:fs|\bimport\('node:fs/

/** What belongs to some rooms alone: a pattern in code without comments, and the paths where it may stand. */
const OWNED: readonly (readonly [string, RegExp, RegExp])[] = [
  // `new Date(moment)` formats a moment; everything else reads the clock, or could.
  ['the clock', /(?<!\bnew )\bDate\b|\bnew Date\b(?!\(\s*[^)\s])/, /^(?:system|web\/page)\//],
  ['Math.random', /\bMath\.random\b/, /^$/],
  ['process', /\bprocess\./, /^(?:system|serve|cli)\/|^config\/refusal\.ts$|^server\.ts$/],
  ['timers', /\bset(?:Timeout|Interval|Immediate)\b/, /^(?:system|stores|web\/page)\/|^http\/(?:listener|exchange|connections)\.ts$|^jose\/signer\.ts$/],
  ['crypto.subtle', /\bsubtle\b/, /^(?:jose|web\/page)\//],
  ['sockets', /from 'node:(?:http|https|http2|net|tls|dns|dgram)'/, /^http\/(?:listener|connections|forwarded|problem|tls)\.ts$|^config\/values\.ts$|^stores\/|^serve\/socket-file\.ts$|^cli\/admin-client\.ts$/],
  ['outbound requests', /\bfetch\(/, /^(?:stores|web\/page)\/|^testkit\/probe\/(?:source|api)\.ts$/],
  ['files', /from 'node:fs(?:\/promises)?'/, /^(?:system|stores|cli)\/|^serve\/(?:socket-file|page)\.ts$/],
  // The others: folders, what we have made ourselves, what an operator brings to a command, the system's own files, and
  // those of the program itself.
  ['opening files', OPENS, /^system\/(?:private-file|make-file|replace-file|open-files|plain-file)\.ts$|^stores\/(?:lock|old-lock|line-file|aside|archive|jti-folder)\.ts$|^cli\/audit\.ts$|^serve\/page\.ts$/],
  ['child processes', /from 'node:(?:child_process|cluster|worker_threads)'/, /^serve\/workers\.ts$/],
  ['console', /\bconsole\./, /^$/],
  ['export default', /\bexport default\b/, /^$/],
  ['enum or namespace', /^\s*(?:export )?(?:const )?(?:enum|namespace) /m, /^$/],
]

const IMPORT = /^(?:(?:import|export) .*|\} )from '([^']+)'|\bimport\('([^']+)'\)|^import '([^']+)'/gm

/** Every breach of the order of rooms in a tree of files, by path below src; empty when there is none. */
export function layerFaults(files: ReadonlyMap<string, string>): readonly string[] {
  const code = new Map([...files].map(([path, text]) => [path, withoutComments(text)]))
  const faults = [...code].flatMap(([path, text]) => [
    ...importsOf(path, text).flatMap(({ target, written }) => importFault(path, target, written, code)),
    ...OWNED.filter(([, pattern, owners]) => pattern.test(text) && !owners.test(path)).map(([what]) => `${path}: ${what} belongs elsewhere`),
  ])
  return [...faults, ...cycles(code)]
}

/** What one line imports. */
export interface Import {
  readonly written: string
  /** The path below src; undefined for modules of Node and packages. */
  readonly target: string | undefined
  /** Loaded with the file: neither later, if ever, nor for its types alone. */
  readonly isStatic: boolean
  /** Whether types come from there. */
  readonly ofTypes: boolean
}

/** Every import of a file, those of types included. */
export function importsOf(path: string, text: string): readonly Import[] {
  return [...text.matchAll(IMPORT)].map(([whole, fixed, dynamic, bare]) => {
    const written = fixed ?? dynamic ?? bare ?? ''
    const isType = whole.startsWith('import type') || whole.startsWith('export type')
    const target = written.startsWith('.') ? posix.join(posix.dirname(path), written) : undefined
    return { written, isStatic: dynamic === undefined && !isType, ofTypes: isType || /\btype \w|^}/.test(whole), target }
  })
}

function importFault(path: string, target: string | undefined, written: string, code: ReadonlyMap<string, string>): readonly string[] {
  if (target === undefined) return written.startsWith('node:') ? [] : [`${path}: ${written} is neither relative nor node:`]
  if (!code.has(target)) return [`${path}: ${written} is not a file of src (is .ts missing?)`]
  const [from, to] = [roomOf(path), roomOf(target)]
  if (from === to) return []
  return ROOMS.get(from)?.includes(to) === true ? [] : [`${path}: ${from} may not import ${to} (${written})`]
}

/** The innermost room of a file; a file that lies in none is named by itself, and only the entry may. */
function roomOf(path: string): string {
  const parts = path.split('/')
  const [outer = path, inner] = [parts[0], parts.slice(0, 2).join('/')]
  return ROOMS.has(inner) ? inner : parts.length > 1 ? outer : path
}

function cycles(code: ReadonlyMap<string, string>): readonly string[] {
  const done = new Set<string>()
  const found: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) found.push(`cycle: ${[...trail.slice(trail.indexOf(path)), path].join(' > ')}`)
    if (trail.includes(path) || done.has(path)) return
    for (const { target } of importsOf(path, code.get(path) ?? '')) if (target !== undefined) visit(target, [...trail, path])
    done.add(path)
  }
  for (const path of code.keys()) visit(path, [])
  return found
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')
}

if (isEntry(import.meta.url)) {
  const src = `${root}src`
  const files = filesBelow(src).map((path) => [relative(src, path).split(sep).join('/'), readFileSync(path, 'utf8')] as const)
  const faults = layerFaults(new Map(files))
  for (const fault of faults) console.error(fault)
  console.log(`layers: ${files.length} files, ${faults.length} faults`)
  process.exitCode = faults.length === 0 ? 0 : 1
}
