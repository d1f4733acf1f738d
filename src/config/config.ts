import type { Level } from '../core/event.ts'
import { isLoopbackAddress } from '../core/loopback.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type HighWaterMarks, type Policy, resolveTiming, type Timing } from '../keyring/policy.ts'
import { readConfigFile } from './file.ts'
import { type ConfigFault, type Flag, readFlags, type Setting } from './flags.ts'
import { OPTIONS, type Settings, settingsOf } from './options.ts'
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

/** A configuration, and what the command line holds besides. */
export interface Configured {
  readonly config: Config
  /** What was set, as it was typed, without secrets; for the record. */
  readonly typed: Readonly<Record<string, string>>
  /** The flags of the command. */
  readonly own: Readonly<Record<string, string>>
  readonly words: readonly string[]
}

/** Where a configuration comes from. */
export interface Sources {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** The text of a file; throws when there is none. */
  readonly readFile: (path: string) => string
  /** The flags of the command, beside the options of the server. */
  readonly flags?: readonly Flag[]
}

/** Kubernetes puts these into the environment of every pod beside a service named jwksd. */
const SERVICE_LINK = /^JWKSD_(?:SERVICE_|PORT_\d+_)|^JWKSD_PORT=tcp:/

/** Reads flags over environment over file over defaults; answers every fault, not the first. */
export function parseConfig(sources: Sources): Result<Configured, readonly ConfigFault[]> {
  const { args, env, readFile, flags: more = [] } = sources
  const faults: ConfigFault[] = []
  const { settings: flags, own, words } = readFlags(args, more, faults)
  const outside = [...readEnv(env), ...flags]
  const path = outside.findLast(({ option }) => option === 'config')?.text
  const file = path === undefined ? [] : readConfigFile(path, readFile, faults)
  const settings = new Map([...file, ...outside].map((one) => [one.option, one]))
  const config = assemble(parseAll([...settings.values()], faults), faults)
  if (faults.length > 0) return fail(faults)
  const open = [...settings.values()].filter(({ option }) => OPTIONS.get(option)?.isSecret === undefined)
  return ok({ config, own, words, typed: Object.fromEntries(open.map(({ option, text }) => [option, text])) })
}

/** One fault as one line. */
export function faultText({ typed, problem }: ConfigFault): string {
  return `${typed} ${problem}`
}

/** An empty variable counts as absent; a variable that names no option is ignored. */
function readEnv(env: Sources['env']): readonly Setting[] {
  return Object.entries(env).flatMap(([typed, text = '']) => {
    const option = typed.replace(/^JWKSD_/, '').toLowerCase().replaceAll('_', '-')
    const isOurs = typed.startsWith('JWKSD_') && !SERVICE_LINK.test(`${typed}=${text}`) && text !== ''
    return isOurs && OPTIONS.has(option) ? [{ option, typed, text }] : []
  })
}

function parseAll(settings: readonly Setting[], faults: ConfigFault[]): Settings {
  const parsed = settings.flatMap(({ option, typed, text }) => {
    const row = OPTIONS.get(option)
    const value = row?.parse(text)
    if (value?.ok === true) return [[option, value.value] as const]
    const shown = row?.isSecret === true ? 'has a value that' : `is ${JSON.stringify(text.slice(0, 64))} but`
    if (value?.ok === false) faults.push({ typed, problem: `${shown} must be ${value.error}` })
    return []
  })
  return settingsOf(new Map(parsed))
}

function assemble(set: Settings, faults: ConfigFault[]): Config {
  const { host, store, audience, clients } = set
  const isLoopback = isLoopbackAddress(host)
  const timing = timingOf(set)
  faults.push(...contradictions(set, timing, isLoopback))
  return {
    host,
    port: set.port,
    workers: set.workers,
    issuer: set.issuer,
    audience: audience.length === 1 ? audience[0] : audience,
    policy: (marks) => ({
      timing: resolveTiming(timing, marks), algs: set.alg, rsaBits: set['rsa-bits'], history: set.history,
    }),
    store,
    keks: { files: set['kek-file'] ?? [], given: set.kek ?? [], unsealed: set.unsealed },
    allowShared: set['allow-shared-files'],
    admin: set.admin,
    adminTokenFile: set['admin-token-file'],
    clients,
    audit: set.audit === undefined ? undefined : { path: set.audit, isRequired: set['audit-required'] },
    auth: authOf(isLoopback, set),
    allowOrigins: set['allow-origin'],
    logLevel: set['log-level'],
  }
}

/** A server with registered clients is in production, often behind a proxy that makes its loopback address public. */
function authOf(isLoopback: boolean, { clients, 'open-auth': isOpen }: Settings): Config['auth'] {
  if (isLoopback && (clients === undefined || isOpen)) return 'loopback'
  return isOpen ? 'open' : 'off'
}

/** What is missing beside an option, or contradicts it; nothing secret lies open by default. */
function contradictions(set: Settings, { ttl, maxTtl }: Partial<Timing>, isLoopback: boolean): readonly ConfigFault[] {
  const { host, store, admin } = set
  const isSealed = set['kek-file'] !== undefined || set.kek !== undefined || set.unsealed
  const rules: readonly (readonly [boolean, string, string])[] = [
    [
      !isLoopback && set.issuer === undefined, '--issuer',
      `must be set to listen on ${host}, which is not a loopback address`,
    ],
    [
      (ttl ?? 0) > (maxTtl ?? Infinity), '--ttl',
      `is ${ttl}s but must be at most --max-ttl, ${maxTtl}s. Lower --ttl, or raise --max-ttl`,
    ],
    [
      store !== 'memory:' && !isSealed, '--kek-file',
      `must be set to encrypt the keys in ${store} (\`jwksd kek\` makes one), or --unsealed to leave them unencrypted`,
    ],
    [
      admin !== undefined && !('path' in admin) && set['admin-token-file'] === undefined, '--admin-token-file',
      'must be set where other users of the machine can reach the admin listener, or use --admin unix:PATH',
    ],
    [set['audit-required'] && set.audit === undefined, '--audit', 'must be set for --audit-required'],
  ]
  return rules.flatMap(([isBroken, typed, problem]) => isBroken ? [{ typed, problem }] : [])
}

/** The lengths of time that were set, over those of the preset. */
function timingOf(set: Settings): Partial<Timing> {
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
