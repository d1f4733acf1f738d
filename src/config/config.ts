import type { Level } from '../core/event.ts'
import { isLoopbackAddress } from '../core/loopback.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { DEFAULT_HISTORY, type HighWaterMarks, type Policy, resolveTiming, type Timing } from '../keyring/policy.ts'
import type { CommandName } from './commands.ts'
import { readConfigFile } from './file.ts'
import { type ConfigFault, readFlags, type Said } from './flags.ts'
import { isOption, isSecret, parseOption } from './options.ts'
import type { Settings } from './settings.ts'
import type { AdminAddress, StoreUrl } from './values.ts'

/** A whole configuration: nothing in it is missing or contradicts itself. */
export interface Config {
  readonly host: string
  readonly port: number
  /** Processes that serve together. */
  readonly workers: number
  /** Undefined: the URL of the loopback address and port that the server really listens on. */
  readonly issuer: string | undefined
  readonly audience: string | readonly string[]
  readonly policy: (marks: HighWaterMarks) => Policy
  readonly store: StoreUrl
  readonly keks: {
    readonly files: readonly string[]
    readonly given: readonly Uint8Array[]
    /** Whether records count that everybody can open. */
    readonly unsealed: boolean
  }
  /** Whether key and token files may be reached by group or others. */
  readonly allowShared: boolean
  /** Where operators reach the server; undefined: nowhere. */
  readonly admin: AdminAddress | undefined
  readonly adminTokenFile: string | undefined
  /** The file of registered clients; undefined: there are none, and no token endpoint. */
  readonly clients: string | undefined
  readonly audit: { readonly path: string; readonly isRequired: boolean } | undefined
  /** Who may mint at `/auth`: this machine, everyone who reaches the address, or nobody. */
  readonly auth: 'loopback' | 'open' | 'off'
  readonly allowOrigins: ReadonlySet<string>
  readonly logLevel: Level
}

/** A command, and everything that was said about it. */
export interface CommandLine {
  readonly name: CommandName
  readonly config: Config
  /** What was set, as it was written, without secrets; for the record. */
  readonly said: Readonly<Record<string, string>>
  /** The options that are the command's own. */
  readonly own: Readonly<Record<string, string>>
  readonly words: readonly string[]
}

/** What a command line asks for. */
export type Command = CommandLine | { readonly name: 'help' | 'version' }

/** Where a configuration comes from. */
export interface Sources {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** The text of a file; throws when there is none. */
  readonly readFile: (path: string) => string
}

/** Kubernetes puts these into the environment of every pod beside a service named jwksd. */
const SERVICE_LINK = /^JWKSD_(?:SERVICE_|PORT_\d+_)|^JWKSD_PORT=tcp:/

/** Reads flags over environment over file over defaults; answers every fault, not the first. */
export function parseConfig({ args, env, readFile }: Sources): Result<Command, readonly ConfigFault[]> {
  const faults: ConfigFault[] = []
  const flags = readFlags(args, faults)
  if (flags.wants !== undefined) return ok({ name: flags.wants })
  const outside = [...readEnv(env), ...flags.said]
  const path = outside.findLast(({ option }) => option === 'config')?.text
  const file = path === undefined ? [] : readConfigFile(path, readFile, faults)
  const said = new Map([...file, ...outside].map((one) => [one.option, one]))
  const settings = parseAll(said, faults)
  const config = assemble(settings, faults)
  if (faults.length > 0) return fail(faults)
  const open = [...said.values()].filter(({ option }) => isOption(option) && !isSecret(option))
  const { command: name, own, words } = flags
  return ok({ name, config, own, words, said: Object.fromEntries(open.map(({ option, text }) => [option, text])) })
}

/** One fault as one line. */
export function faultText({ option, source, problem }: ConfigFault): string {
  return `${option} (${source}): ${problem}`
}

/** An empty variable counts as absent; names that are no option are not ours to judge. */
function readEnv(env: Sources['env']): readonly Said[] {
  return Object.entries(env).flatMap(([variable, text = '']) => {
    const option = variable.replace(/^JWKSD_/, '').toLowerCase().replaceAll('_', '-')
    const isOurs = variable.startsWith('JWKSD_') && !SERVICE_LINK.test(`${variable}=${text}`) && text !== ''
    return isOurs && isOption(option) ? [{ option, source: variable, text }] : []
  })
}

function parseAll(said: ReadonlyMap<string, Said>, faults: ConfigFault[]): Partial<Settings> {
  const parsed = [...said.values()].flatMap(({ option, source, text }) => {
    if (!isOption(option)) return []
    const value = parseOption(option, text)
    if (value.ok) return [[option, value.value] as const]
    const shown = isSecret(option) ? 'its value' : JSON.stringify(text.slice(0, 64))
    faults.push({ option, source, problem: `${shown} is not ${value.error}` })
    return []
  })
  return Object.fromEntries(parsed)
}

function assemble(set: Partial<Settings>, faults: ConfigFault[]): Config {
  const host = set.host ?? '127.0.0.1'
  const isLoopback = isLoopbackAddress(host)
  const fault = (option: string, problem: string): void => void faults.push({ option, source: 'all sources', problem })
  if (!isLoopback && set.issuer === undefined) fault('issuer', `must be set to listen on ${host}, which is no loopback address`)
  const timing = timingOf(set)
  if ((timing.ttl ?? 0) > (timing.maxTtl ?? Infinity)) fault('ttl', 'must not be more than max-ttl')
  const audience = set.audience ?? ['api']
  const algs = set.alg ?? ['RS256']
  const rsaBits = set['rsa-bits'] ?? 2048
  const history = set.history ?? DEFAULT_HISTORY
  judgeSecrets(set, fault)
  return {
    host,
    port: set.port ?? 8080,
    workers: set.workers ?? 1,
    issuer: set.issuer,
    audience: audience.length === 1 ? audience[0] as string : audience,
    policy: (marks) => ({ timing: resolveTiming(timing, marks), algs, rsaBits, history }),
    store: set.store ?? 'memory:',
    keks: { files: set['kek-file'] ?? [], given: set.kek ?? [], unsealed: set.unsealed === true },
    allowShared: set['allow-shared-files'] === true,
    admin: set.admin,
    adminTokenFile: set['admin-token-file'],
    clients: set.clients,
    audit: set.audit === undefined ? undefined : { path: set.audit, isRequired: set['audit-required'] === true },
    auth: authOf(isLoopback, set),
    allowOrigins: set['allow-origin'] ?? new Set(),
    logLevel: set['log-level'] ?? 'info',
  }
}

/** A server with registered clients is no toy, and often stands behind a proxy that makes its loopback address public. */
function authOf(isLoopback: boolean, { clients, 'open-auth': isOpen = false }: Partial<Settings>): Config['auth'] {
  if (isLoopback && (clients === undefined || isOpen)) return 'loopback'
  return isOpen ? 'open' : 'off'
}

/** What must be said beside what was said, so that nothing secret lies open by default. */
function judgeSecrets(set: Partial<Settings>, fault: (option: string, problem: string) => void): void {
  const { store = 'memory:', admin } = set
  const isSealed = set['kek-file'] !== undefined || set.kek !== undefined
  if (store !== 'memory:' && !isSealed && set.unsealed !== true) {
    fault('kek-file', `must be set to seal the keys in ${store} (jwksd kek makes one), or --unsealed to leave them open`)
  }
  if (admin !== undefined && !('path' in admin) && set['admin-token-file'] === undefined) {
    fault('admin-token-file', 'must be set where other users of the machine can reach the admin listener; unix:PATH needs none')
  }
  if (set['audit-required'] === true && set.audit === undefined) fault('audit', 'must be set for audit-required')
}

/** The lengths that were set, over those of the preset. */
function timingOf(set: Partial<Settings>): Partial<Timing> {
  const own = {
    interval: set['rotation-interval'],
    lead: set.lead,
    retention: set.retention,
    maxAge: set['jwks-max-age'],
    ttl: set.ttl,
    maxTtl: set['max-ttl'],
    cacheLayers: set['cache-layers'],
    propagation: set.propagation,
    clockError: set['clock-error'],
    leeway: set.leeway,
  }
  return { ...set.preset, ...Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined)) }
}
