import type { Level } from '../core/event.ts'
import type { Seconds } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'
import type { Timing } from '../keyring/policy.ts'
import {
  adminAddress, type AdminAddress, algorithms, audience, choice, count, duration, filePath, filePaths, hostName,
  issuerUrl, keyEncryptionKeys, type Kind, origins, storeUrl, type StoreUrl, workerCount,
} from './values.ts'

/** What the options of a server set, besides the lengths of time; help explains each one (option-texts.ts). */
export interface Settings {
  readonly host: string
  readonly port: number
  readonly workers: number
  /** Undefined: the URL of the loopback address and port that the server really listens on. */
  readonly issuer: string | undefined
  readonly audience: string | readonly string[]
  readonly algs: readonly [Alg, ...Alg[]]
  readonly rsaBits: number
  readonly preset: 'fast' | undefined
  readonly history: Seconds
  readonly store: StoreUrl
  readonly kekFiles: readonly string[] | undefined
  readonly keks: readonly Uint8Array[] | undefined
  readonly unsealed: boolean
  readonly allowShared: boolean
  readonly admin: AdminAddress | undefined
  readonly adminTokenFile: string | undefined
  readonly clients: string | undefined
  readonly audit: string | undefined
  readonly auditRequired: boolean
  readonly openAuth: boolean
  readonly allowOrigins: readonly string[] | undefined
  readonly logLevel: Level
  readonly config: string | undefined
}

/** One option: its name, how its text is read, and its default as it would be typed. */
export interface Option<Value> extends Kind<Value> {
  readonly option: string
  readonly initial?: string
  /** It needs no value. */
  readonly isSwitch?: true
  /** It is read from the environment only: a flag would show in the list of processes. */
  readonly isSecret?: true
}

/** The options of a record, by the member that each sets; a member that always has a value has a default. */
export type Table<Values> = {
  readonly [Member in keyof Values]-?: Option<Exclude<Values[Member], undefined>>
    & (undefined extends Values[Member] ? unknown : { readonly initial: string })
}

/** The one table: flags, environment, file, help and docs/options.md are made from it and from `TIMING`. */
export const SETTINGS: Table<Settings> = {
  host: { option: 'host', initial: '127.0.0.1', ...hostName },
  port: { option: 'port', initial: '8080', ...count(0, 65_535) },
  workers: { option: 'workers', initial: '1', ...workerCount },
  issuer: { option: 'issuer', ...issuerUrl },
  audience: { option: 'audience', initial: 'api', ...audience },
  algs: { option: 'alg', initial: 'RS256', ...algorithms },
  rsaBits: { option: 'rsa-bits', initial: '2048', ...choice([2048, 3072, 4096]) },
  preset: { option: 'preset', ...choice(['fast']) },
  // Ten years, as long as courts keep a file.
  history: { option: 'history', initial: '3650d', ...duration(0) },
  store: { option: 'store', initial: 'memory:', ...storeUrl },
  kekFiles: { option: 'kek-file', ...filePaths },
  keks: { option: 'kek', isSecret: true, ...keyEncryptionKeys },
  unsealed: toggle('unsealed'),
  allowShared: toggle('allow-shared-files'),
  admin: { option: 'admin', ...adminAddress },
  adminTokenFile: { option: 'admin-token-file', ...filePath },
  clients: { option: 'clients', ...filePath },
  audit: { option: 'audit', ...filePath },
  auditRequired: toggle('audit-required'),
  openAuth: toggle('open-auth'),
  allowOrigins: { option: 'allow-origin', ...origins },
  logLevel: { option: 'log-level', initial: 'info', ...choice(['debug', 'info', 'warning', 'error']) },
  config: { option: 'config', ...filePath },
}

/** The options that the rotation promise rests on; keyring/policy.ts has their defaults. */
export const TIMING: Table<Partial<Timing>> = {
  interval: { option: 'rotation-interval', ...duration(0) },
  lead: { option: 'lead', ...duration(0) },
  retention: { option: 'retention', ...duration(0) },
  maxAge: { option: 'jwks-max-age', ...duration(0) },
  ttl: { option: 'ttl', ...duration(1) },
  maxTtl: { option: 'max-ttl', ...duration(1) },
  cacheLayers: { option: 'cache-layers', ...count(1, 10) },
  propagation: { option: 'propagation', ...duration(1) },
  clockError: { option: 'clock-error', ...duration(0) },
  leeway: { option: 'leeway', ...duration(0) },
}

/** Every option by its name. */
export const OPTIONS: ReadonlyMap<string, Option<unknown>> = new Map(
  Object.values<Option<unknown>>({ ...SETTINGS, ...TIMING }).map((row) => [row.option, row]))

function toggle(option: string): Option<boolean> & { readonly initial: string } {
  return { option, initial: 'false', isSwitch: true, ...choice([true, false]) }
}
