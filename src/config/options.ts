import { formatDuration } from '../core/duration.ts'
import type { Level } from '../core/event.ts'
import type { Result } from '../core/result.ts'
import type { Seconds } from '../core/time.ts'
import { type Alg, ALGORITHMS, parseAlg } from '../jose/algorithm.ts'
import { DEFAULT_HISTORY, DEFAULT_TIMING, FAST_TIMING, type Timing } from '../keyring/policy.ts'
import {
  type AdminAddress, choice, count, duration, list, parseAdmin, parseHost, parseIssuer, parseKeks, parseOrigins,
  parsePath, parseStore, parseSwitch, parseWorkers, type StoreUrl,
} from './values.ts'

/** Options that always have a value. */
type Always = Record<'port' | 'workers' | 'rsa-bits', number> & Record<'host', string> & Record<'history', Seconds> & {
  readonly audience: readonly [string, ...string[]]
  readonly alg: readonly [Alg, ...Alg[]]
  readonly store: StoreUrl
  readonly 'allow-origin': ReadonlySet<string>
  readonly 'log-level': Level
} & Record<'unsealed' | 'allow-shared-files' | 'audit-required' | 'open-auth', boolean>

/** Options that stay undefined, or follow from others, until somebody sets them. */
type Optional =
  & Record<'issuer' | 'admin-token-file' | 'clients' | 'audit' | 'config', string>
  & Record<'rotation-interval' | 'lead' | 'retention' | 'jwks-max-age' | 'ttl' | 'max-ttl', Seconds>
  & Record<'propagation' | 'clock-error' | 'leeway', Seconds> & Record<'cache-layers', number> & {
    readonly preset: Partial<Timing>
    readonly 'kek-file': readonly string[]
    readonly kek: readonly Uint8Array[]
    readonly admin: AdminAddress
  }

/** What is set, by flag, environment, file or default. */
export type Settings = Readonly<Always & Partial<Optional>>

/** One option: how it is explained, and how its text is read. */
export interface Option<Value> {
  /** Stands for the value in help; empty for a switch. */
  readonly value: string
  /** The default as a text, where no value is the default. */
  readonly otherwise?: string
  readonly meaning: string
  /** Read from the environment only: a flag would show in the list of processes. */
  readonly isSecret?: true
  /** The failure completes the sentence "it must be ...". */
  readonly parse: (text: string) => Result<Value, string>
}

/** An option with a default: as a value, and as it would be typed. */
type Defaulted<Value> = Option<Value> & { readonly initial: Value; readonly shown?: string }

type Table =
  & { readonly [Name in keyof Always]: Defaulted<Always[Name]> }
  & { readonly [Name in keyof Optional]: Option<Optional[Name]> }

const ALGS = [...ALGORITHMS.keys()].join(', ')
const { interval, cacheLayers, propagation, clockError, leeway } = DEFAULT_TIMING

/** The one table: flags, environment, file, help and docs/options.md are made from it. */
const TABLE: Table = {
  host: { value: 'ADDRESS', initial: '127.0.0.1', meaning: 'address to listen on', parse: parseHost },
  port: { value: 'PORT', initial: 8080, meaning: 'port to listen on; 0 takes a free port', parse: count(0, 65_535) },
  workers: {
    value: 'COUNT', initial: 1, parse: parseWorkers,
    meaning: 'processes that share the port, or `auto` for one on each core; `memory:` always runs one',
  },
  issuer: {
    value: 'URL', otherwise: 'http://HOST:PORT on a loopback address, else required', parse: parseIssuer,
    meaning: 'the `iss` of every token, byte for byte, and the start of `jwks_uri`',
  },
  audience: {
    value: 'NAME,...', initial: ['api'], meaning: 'the `aud` of a development token whose request names none',
    parse: list((name) => /^[\x21-\x7e]{1,256}$/.test(name) ? name : undefined, 'names in visible ASCII, each once'),
  },
  alg: {
    value: 'ALG,...', initial: ['RS256'], parse: list(parseAlg, `some of ${ALGS}, each once`),
    meaning: `signing algorithms, the default first; each has its own keys: ${ALGS}`,
  },
  'rsa-bits': {
    value: 'BITS', initial: 2048, meaning: 'modulus of new RSA keys: 2048, 3072 or 4096',
    parse: choice(['2048', '3072', '4096'], Number),
  },
  preset: {
    value: 'NAME', parse: choice(['fast'], () => FAST_TIMING),
    meaning: '`fast` rotates every 60 s, with tokens of 20 s; options that you set win over it',
  },
  'rotation-interval': length('from one promotion of a key to the next', formatDuration(interval)),
  lead: length('how long a key is published before it signs', 'the lesser of 48h and half the interval'),
  retention: length(
    'how long a key stays published after it stopped signing',
    'the greater of what (2) needs and the lesser of 24h and the interval',
  ),
  'jwks-max-age': length('how long caches may keep the JWK Set', '300s, or less if the lead requires it'),
  ttl: length('lifetime of a token whose request names none', '15m, or max-ttl if that is less', 1),
  'max-ttl': length('longest lifetime that a request can get', '1h, or ttl if that is more', 1),
  'cache-layers': {
    value: 'COUNT', otherwise: String(cacheLayers), parse: count(1, 10),
    meaning: 'CDN, proxy and client caches between this server and a verifier; each may add a whole max-age',
  },
  propagation: length('until every replica serves a committed ring', formatDuration(propagation), 1),
  'clock-error': length("largest error of a replica's clock", formatDuration(clockError)),
  leeway: length('what verifiers grant beyond `exp`', formatDuration(leeway)),
  history: {
    ...length('how long the public half of a removed key stays in the history', ''),
    initial: DEFAULT_HISTORY, shown: formatDuration(DEFAULT_HISTORY),
  },
  store: {
    value: 'URL', initial: 'memory:', parse: parseStore,
    meaning: 'where the keys are kept: `memory:` dies with the process, `file:PATH` is one file on this machine',
  },
  'kek-file': {
    value: 'PATH,...', parse: list((path) => path === '' ? undefined : path, 'paths, each once'),
    meaning: 'files with key-encryption keys (`jwksd kek` makes one): the first encrypts, each can decrypt',
  },
  kek: {
    value: 'KEK,...', isSecret: true, parse: parseKeks,
    meaning: 'key-encryption keys in base64url, used after those of `kek-file`; read from the environment only',
  },
  unsealed: toggle(
    'store private keys unencrypted; beside a key-encryption key: read such a store, but encrypt what is written',
  ),
  'allow-shared-files': toggle('accept key, token and client files that other users own or can reach'),
  admin: {
    value: 'ADDRESS', parse: parseAdmin,
    meaning: 'where operators reach the server: `unix:PATH` (mode 0600), or loopback HOST:PORT with `admin-token-file`',
  },
  'admin-token-file': {
    value: 'PATH', parse: parsePath,
    meaning: 'a file with the bearer token of the admin listener, at least 32 characters',
  },
  clients: {
    value: 'PATH', parse: parsePath,
    meaning: 'the file of registered clients, read again when it changes: mounts `/token`, `/introspect` and `/revoke`',
  },
  audit: {
    value: 'PATH', parse: parsePath,
    meaning: 'the audit log: a record of each change of a key and each token, linked to the record before',
  },
  'audit-required': toggle('answer 503 instead of a token that cannot be recorded'),
  'open-auth': toggle('mount `/auth` on any address and beside `clients`: anyone who reaches it gets any token'),
  'allow-origin': {
    value: 'ORIGIN,...', initial: new Set(), shown: 'none', parse: parseOrigins,
    meaning: 'web pages of these origins may call `/auth`',
  },
  'log-level': {
    value: 'LEVEL', initial: 'info', meaning: 'least level that is logged: debug, info, warning or error',
    parse: choice(['debug', 'info', 'warning', 'error'], (level) => level),
  },
  config: {
    value: 'FILE', parse: parsePath,
    meaning: 'a JSON file whose members are named like these options; flags and environment win over it',
  },
}

/** Every option by its name. */
export const OPTIONS: ReadonlyMap<string, Option<unknown> & { readonly initial?: unknown; readonly shown?: string }> =
  new Map(Object.entries(TABLE))

/** The settings of a server: what was parsed, by name, over the defaults. */
export function settingsOf(parsed: ReadonlyMap<string, unknown>): Settings {
  const initial = [...OPTIONS].map(([name, option]) => [name, option.initial] as const)
  // Each value was read by the row of its name.
  return Object.fromEntries([...initial, ...parsed]) as unknown as Settings
}

function toggle(meaning: string): Defaulted<boolean> {
  return { value: '', initial: false, shown: 'off', meaning, parse: parseSwitch }
}

function length(meaning: string, otherwise: string, least = 0): Option<Seconds> {
  return { value: 'DURATION', otherwise, meaning, parse: duration(least) }
}
