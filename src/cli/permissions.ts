import { readdirSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from '../config/config.ts'
import { socketPath } from '../config/values.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { GROUPS } from '../system/group.ts'
import { clusterOf } from '../system/pod.ts'

/** The flags of Node.js under which a server reaches nothing but its files. */

/** Which files a server uses, by absolute path. */
interface Uses {
  /** Read, with a look at the folder of each. */
  readonly read: readonly string[]
  /** Read without such a look. */
  readonly plain: readonly string[]
  /** Made, replaced or grown: with all that lies beside them. */
  readonly made: readonly string[]
}

/** What a server is allowed. */
export interface Permissions {
  /** The flags, quoted for a shell or a unit file. */
  readonly flags: string
  /** What the flags do not prevent, each a sentence. */
  readonly warnings: readonly string[]
}

/** What the flags are for. */
interface Asked {
  /** The file of the configuration. */
  readonly file: string | undefined
  /** Whether systemd reads the flags, and no shell. */
  readonly isUnit: boolean
  /** The flags that this Node.js knows. */
  readonly known: ReadonlySet<string>
}

/** `dist`, or `src` where Node.js runs that. */
const PROGRAM = dirname(dirname(fileURLToPath(import.meta.url)))
/** Where the bound on open files stands. */
const LIMITS = '/proc/self/limits'
/** What systemd replaces by the folder of the credentials of a unit. */
const CREDENTIALS = '%d'
const SHOWN_CREDENTIALS = /^\/run\/credentials\/[^/]+(?=\/|$)/
const HARDENING = [
  '--frozen-intrinsics', '--disable-proto=throw', '--no-addons', '--disallow-code-generation-from-strings',
  '--disable-sigusr1',
]

/** The flags for a configuration; the failure is why there are none, in sentences for the operator. */
export function permissionsFor(config: Config, asked: Asked): Result<Permissions, readonly string[]> {
  const { isUnit, known } = asked
  const uses = usesOf(config, asked)
  const writes = outermost(foldersOf(uses.made))
  const folders = [...writes, ...foldersOf(uses.read), PROGRAM]
  const reads = outermost([...folders, ...uses.plain])
  const faults = [...runtimeFaults(config, known), ...pathFaults([...reads, ...writes], outermost(folders))]
  if (faults.length > 0) return fail(faults)
  const quoted = isUnit ? forUnit : forShell
  const flags = [
    '--permission',
    ...reads.map((path) => quoted(`--allow-fs-read=${path}`)),
    ...writes.map((path) => quoted(`--allow-fs-write=${path}`)),
    ...['--allow-net', ...HARDENING].filter((flag) => known.has(flag.replace(/=.*/, ''))),
  ]
  return ok({ flags: flags.join(' '), warnings: warningsFor(uses, writes) })
}

function usesOf(config: Config, { file, isUnit }: Asked): Uses {
  const { kekFiles = [], clients, tlsCert, tlsKey, storeCa, storeCert, storeKey, storePasswordFile } = config
  const { store, audit, witness, admin, kubeTokenFile, host, socketGroup = '0' } = config
  const pod = store.startsWith('kubernetes:') && kubeTokenFile === undefined ? clusterOf() : undefined
  const ring = store.startsWith('file:') ? store.slice('file:'.length) : undefined
  const paths = (...names: readonly (string | undefined)[]): readonly string[] =>
    names.flatMap((name) => name === undefined ? [] : [isUnit ? inUnit(name) : resolve(name)])
  return {
    read: [
      ...paths(...kekFiles, clients, tlsCert, tlsKey),
      ...paths(storeCa, storeCert, storeKey, storePasswordFile, kubeTokenFile, pod?.token, pod?.ca),
    ],
    plain: [...paths(file), LIMITS, .../^\d+$/.test(socketGroup) ? [] : [GROUPS]],
    made: paths(ring, audit === '-' ? undefined : audit, witness, admin, socketPath(host)),
  }
}

/** A path as a unit file names it: credentials lie in a folder of each start. */
function inUnit(name: string): string {
  return name.startsWith(`${CREDENTIALS}/`) ? name : resolve(name).replace(SHOWN_CREDENTIALS, CREDENTIALS)
}

/** The folders that paths lie in, also where links lead. */
function foldersOf(paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => [dirname(path), dirname(realPath(path))])
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    // What does not exist yet.
    return path === dirname(path) || path.startsWith(CREDENTIALS) ? path : join(realPath(dirname(path)), basename(path))
  }
}

/** The paths that lie in no other one of them. */
function outermost(paths: readonly string[]): readonly string[] {
  const sorted = [...new Set(paths)].toSorted()
  return sorted.filter((path) => !sorted.some((other) => other !== path && isInside(path, other)))
}

function isInside(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith('/') ? folder : `${folder}/`)
}

function runtimeFaults({ workers }: Config, known: ReadonlySet<string>): readonly string[] {
  const isOld = !known.has('--permission')
  const what = `--workers is ${workers}, but workers are child processes, which the permission model denies`
  return [
    ...isOld ? [`Node.js ${process.versions.node} has no --permission. Run this with Node.js 22 or later`] : [],
    ...workers > 1 ? [`${what}: what it allows a child is not held to it. Set --workers 1`] : [],
  ]
}

/** What Node.js would not allow as it is written. */
function pathFaults(paths: readonly string[], folders: readonly string[]): readonly string[] {
  const odd = [...new Set(paths)].filter((path) => /[*\0-\x1f\x7f]/.test(path))
  return [
    ...odd.map((path) => `${path} has a character in it that a permission cannot have. Rename it`),
    ...folders.flatMap((folder) => {
      const longer = paths.find((path) => path !== folder && path.startsWith(folder) && !isInside(path, folder))
      const what = `the permission to ${folder} is lost beside that to ${longer}, which begins with the same letters`
      return longer === undefined ? [] : [`In Node.js ${what}. Rename one of them`]
    }),
  ]
}

function warningsFor({ read, plain, made }: Uses, writes: readonly string[]): readonly string[] {
  const files = [...read, ...plain, PROGRAM].map((path) => [path, realPath(path)] as const)
  const writable = files.flatMap(([path, real]) => {
    const folder = writes.find((one) => isInside(path, one) || isInside(real, one))
    return folder === undefined ? [] : [`${path} is only read, but lies in ${folder}, which the server writes: ` +
      'whoever takes the server over can replace it. Move it to a folder that holds what is read']
  })
  const used = new Set([...files.flat(), ...made])
  const shared = outermost(foldersOf(read)).filter((folder) => !writes.some((one) => isInside(`${folder}/`, one)))
  return [...writable, ...shared.flatMap((folder) => {
    const others = namesIn(folder).filter((name) => !used.has(join(folder, name)))
    return others.length === 0 ? [] : [`${folder} holds ${others.length} more, such as ${others[0]}: ` +
      'the server may read all of a folder. Give what it uses a folder of its own']
  })]
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    // It does not exist yet, or is hidden from this user.
    return []
  }
}

function forShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/** One word of `ExecStart`: systemd.service(5), "Command lines". */
function forUnit(word: string): string {
  const [, flag = '', credentials = '', path = ''] = /^(.*?=)(%d(?=\/|$))?(.*)$/s.exec(word) ?? []
  const text = `${flag}${credentials}${path.replaceAll('%', '%%').replaceAll('$', '$$$$').replace(/[\\"]/g, '\\$&')}`
  return /^[\w@%+=:,./$-]+$/.test(text) ? text : `"${text}"`
}
