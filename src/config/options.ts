import type { Level } from '../core/event.ts'
import type { Seconds } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'
import type { TimingSettings } from '../keyring/policy.ts'
import {
  adminAddress, algorithms, apiUrls, audience, choice, count, duration, filePath, filePaths, gone, groupName,
  issuerUrl, keyEncryptionKeys, type Kind, listenAddress, networkAddress, type NetworkAddress, origins, proxies,
  rollback, type Rollback, storeUrl, type StoreUrl, userName, workerCount,
} from './values.ts'

/** What the options of a server set, besides the lengths of time; help explains each one (option-texts.ts). */
export interface Settings {
  /** An address of the network, or `unix:PATH`. */
  readonly host: string
  readonly port: number
  /** The group that may connect to the socket, besides this user. */
  readonly socketGroup: string | undefined
  readonly workers: number
  /** Files of PEM: the certificate with its chain, and its key. */
  readonly tlsCert: string | undefined
  readonly tlsKey: string | undefined
  /** Undefined: the URL of the loopback address and port that the server really listens on. */
  readonly issuer: string | undefined
  readonly allowHttpIssuer: boolean
  readonly audience: string | readonly string[]
  readonly algs: readonly [Alg, ...Alg[]]
  readonly separate: readonly Alg[] | undefined
  readonly rsaBits: number
  readonly preset: 'fast' | undefined
  readonly history: Seconds
  readonly store: StoreUrl
  /** Files of PEM with which a store on another machine is reached, and its user. */
  readonly storeCa: string | undefined
  readonly storeCert: string | undefined
  readonly storeKey: string | undefined
  readonly storeUser: string | undefined
  readonly storePasswordFile: string | undefined
  readonly allowPlainStore: boolean
  /** Where the API server of Kubernetes is, and the token for it, outside of a pod. */
  readonly kubeApi: readonly string[] | undefined
  readonly kubeTokenFile: string | undefined
  readonly kekFiles: readonly string[] | undefined
  readonly keks: readonly Uint8Array[] | undefined
  readonly unsealed: boolean
  readonly allowShared: boolean
  /** The socket on which operators give orders: the file system guards it. */
  readonly admin: string | undefined
  /** Always undefined: orders went over a port once. */
  readonly adminTokenFile: undefined
  readonly metrics: NetworkAddress | undefined
  readonly clients: string | undefined
  readonly audit: string | undefined
  readonly auditRequired: boolean
  /** A file on another disk that knows the newest ring. */
  readonly witness: string | undefined
  /** The generation of an older ring that may be used once, and why. */
  readonly acceptRollback: Rollback | undefined
  /** MiB, and time, after which a new file continues the audit log. */
  readonly auditSize: number
  readonly auditAge: Seconds
  readonly openAuth: boolean
  readonly page: boolean
  readonly allowOrigins: readonly string[] | undefined
  readonly trustedProxies: readonly string[] | undefined
  readonly forwardedHeader: 'x-forwarded-for' | 'forwarded' | undefined
  readonly keepAlive: Seconds
  readonly drain: Seconds
  readonly logLevel: Level
  readonly config: string | undefined
}

/** One option: its name, how its text is read, and its defaults as they would be typed. */
export interface Option<Value> extends Kind<Value> {
  readonly option: string
  readonly initial?: string
  /** The default beside `--preset fast`, which is for tests and demonstrations: a whole rotation within two minutes. */
  readonly fast?: string
  /** The default beside a store that several machines share. */
  readonly shared?: string
  /** It needs no value. */
  readonly isSwitch?: boolean
  /** It is read from the environment only: a flag would show in the list of processes. */
  readonly isSecret?: true
}

/** The options of a record, by the member that each sets; a member that always has a value has a default. */
export type Table<Values> = {
  readonly [Member in keyof Values]-?: Option<Exclude<Values[Member], undefined>>
    & (undefined extends Values[Member] ? unknown : { readonly initial: string })
}

/** The options that set a member of `Settings`; `TIMING` has the others. Every source and help are made from both. */
export const SETTINGS: Table<Settings> = {
  host: { option: 'host', initial: '127.0.0.1', ...listenAddress },
  port: { option: 'port', initial: '8080', ...count(0, 65_535) },
  socketGroup: { option: 'socket-group', ...groupName },
  workers: { option: 'workers', initial: '1', ...workerCount },
  tlsCert: { option: 'tls-cert', ...filePath },
  tlsKey: { option: 'tls-key', ...filePath },
  issuer: { option: 'issuer', ...issuerUrl },
  allowHttpIssuer: toggle('allow-http-issuer'),
  audience: { option: 'audience', initial: 'api', ...audience },
  algs: { option: 'alg', initial: 'RS256', ...algorithms },
  separate: { option: 'separate-set', ...algorithms },
  rsaBits: { option: 'rsa-bits', initial: '2048', ...choice([2048, 3072, 4096]) },
  preset: { option: 'preset', ...choice(['fast']) },
  // Ten years, as long as courts keep a file.
  history: { option: 'history', initial: '3650d', ...duration(0) },
  store: { option: 'store', initial: 'memory:', ...storeUrl },
  storeCa: { option: 'store-ca', ...filePath },
  storeCert: { option: 'store-cert', ...filePath },
  storeKey: { option: 'store-key', ...filePath },
  storeUser: { option: 'store-user', ...userName },
  storePasswordFile: { option: 'store-password-file', ...filePath },
  allowPlainStore: toggle('allow-plain-store'),
  kubeApi: { option: 'kube-api', ...apiUrls },
  kubeTokenFile: { option: 'kube-token-file', ...filePath },
  kekFiles: { option: 'kek-file', ...filePaths },
  keks: { option: 'kek', isSecret: true, ...keyEncryptionKeys },
  unsealed: toggle('unsealed'),
  allowShared: toggle('allow-shared-files'),
  admin: { option: 'admin', ...adminAddress },
  adminTokenFile: { option: 'admin-token-file', ...gone('orders need --admin unix:PATH and no token') },
  metrics: { option: 'metrics', ...networkAddress },
  clients: { option: 'clients', ...filePath },
  audit: { option: 'audit', ...filePath },
  auditRequired: toggle('audit-required'),
  witness: { option: 'witness', ...filePath },
  acceptRollback: { option: 'accept-rollback', ...rollback },
  auditSize: { option: 'audit-size', initial: '64', ...count(1, 1_000_000) },
  auditAge: { option: 'audit-age', initial: '30d', ...duration(1) },
  openAuth: toggle('open-auth'),
  page: toggle('page'),
  allowOrigins: { option: 'allow-origin', ...origins },
  trustedProxies: { option: 'trusted-proxies', ...proxies },
  forwardedHeader: { option: 'forwarded-header', ...choice(['x-forwarded-for', 'forwarded']) },
  // Above the idle time of usual load balancers, which would otherwise reuse a connection just as it closes.
  keepAlive: { option: 'keep-alive', initial: '65s', ...duration(1, '1h') },
  drain: { option: 'drain', initial: '0', ...duration(0, '1h') },
  logLevel: { option: 'log-level', initial: 'info', ...choice(['debug', 'info', 'warning', 'error']) },
  config: { option: 'config', ...filePath },
}

/** The options that the rotation promise rests on; keyring/policy.ts derives those without a default. */
export const TIMING: Table<TimingSettings> = {
  interval: { option: 'rotation-interval', initial: '7d', fast: '60s', ...duration(0) },
  lead: { option: 'lead', ...duration(0) },
  retention: { option: 'retention', fast: '21s', ...duration(0) },
  maxAge: { option: 'jwks-max-age', ...duration(0) },
  ttl: { option: 'ttl', ...duration(1) },
  maxTtl: { option: 'max-ttl', fast: '20s', ...duration(1) },
  cacheLayers: { option: 'cache-layers', initial: '2', fast: '1', ...count(1, 10) },
  propagation: { option: 'propagation', initial: '5s', fast: '1s', shared: '15s', ...duration(1) },
  clockError: { option: 'clock-error', initial: '1m', fast: '0', ...duration(0) },
  leeway: { option: 'leeway', initial: '5m', fast: '0', ...duration(0) },
}

/** Every option by its name. */
export const OPTIONS: ReadonlyMap<string, Option<unknown>> = new Map(
  Object.values<Option<unknown>>({ ...SETTINGS, ...TIMING }).map((row) => [row.option, row]))

function toggle(option: string): Option<boolean> & { readonly initial: string } {
  return { option, initial: 'false', isSwitch: true, ...choice([true, false]) }
}
