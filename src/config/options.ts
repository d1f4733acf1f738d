import { formatDuration } from '../core/duration.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { Seconds } from '../core/time.ts'
import { ALGORITHMS, parseAlg } from '../jose/algorithm.ts'
import { DEFAULT_HISTORY, DEFAULT_TIMING, FAST_TIMING } from '../keyring/policy.ts'
import type { Settings } from './settings.ts'
import {
  parseAdmin, parseCount, parseIssuer, parseKek, parseLength, parseLevel, parseList, parseOrigins, parsePath, parseStore,
  parseWorkers,
} from './values.ts'

/** One option as `--help` and the README show it. */
export interface OptionText {
  readonly name: string
  /** How it is written: as a flag, or as a variable where nothing else will do. */
  readonly heading: string
  /** Stands for the value; empty for a switch. */
  readonly value: string
  /** What is in force when nothing is said. */
  readonly standard: string
  readonly meaning: string
}

/** One option: how it is explained, and how its text is read. The failure says what would be right. */
interface Option<Value> extends Omit<OptionText, 'name' | 'heading'> {
  /** Read from the environment alone: a flag shows in the list of processes, a file of options is no place for it. */
  readonly isSecret?: true
  readonly parse: (text: string) => Result<Value, string>
}

/** The one table: flags, environment, file, `--help` and the README's table all come from it. */
const OPTIONS: { readonly [Name in keyof Settings]: Option<NonNullable<Settings[Name]>> } = {
  host: {
    value: 'ADDRESS',
    standard: '127.0.0.1',
    meaning: 'address to listen on',
    parse: (text) => /^[A-Za-z0-9.:_-]{1,253}$/.test(text) ? ok(text) : fail('a host name or an IP address'),
  },
  port: {
    value: 'PORT',
    standard: '8080',
    meaning: 'port to listen on; 0 takes a free one and says which',
    parse: (text) => parseCount(text, 0, 65_535),
  },
  workers: {
    value: 'COUNT',
    standard: '1',
    meaning: 'processes that serve the port together, or `auto` for one on each core; `memory:` takes one, since each would have keys of its own',
    parse: parseWorkers,
  },
  issuer: {
    value: 'URL',
    standard: 'http://HOST:PORT on a loopback address, else it must be set',
    meaning: 'the `iss` of every token, byte for byte, and the start of `jwks_uri`',
    parse: parseIssuer,
  },
  audience: {
    value: 'NAME,...',
    standard: 'api',
    meaning: 'the `aud` of a development token whose request names none',
    parse: (text) => parseList(text, (name) => /^[\x21-\x7e]{1,256}$/.test(name) ? name : undefined, 'made of names in visible ASCII, each once'),
  },
  alg: {
    value: 'ALG,...',
    standard: 'RS256',
    meaning: `signing algorithms, each with keys of its own, the default first: ${[...ALGORITHMS.keys()].join(', ')}`,
    parse: (text) => parseList(text, parseAlg, `made of ${[...ALGORITHMS.keys()].join(', ')}, each once`),
  },
  'rsa-bits': {
    value: 'BITS',
    standard: '2048',
    meaning: 'modulus of new RSA keys: 2048, 3072 or 4096',
    parse: (text) => ['2048', '3072', '4096'].includes(text) ? ok(Number(text)) : fail('2048, 3072 or 4096'),
  },
  preset: {
    value: 'NAME',
    standard: 'none',
    meaning: '`fast` rotates while you watch: every 60 s, with tokens of 20 s; options that are set win over it',
    parse: (text) => text === 'fast' ? ok(FAST_TIMING) : fail('fast'),
  },
  'rotation-interval': duration(formatDuration(DEFAULT_TIMING.interval), 'from one promotion of a key to the next'),
  lead: duration('the lesser of 48h and half the interval', 'a key is published this long before it signs'),
  retention: duration(
    'what (2) needs, or the lesser of 24h and the interval if that is more',
    'a key stays published this long after it stopped signing',
  ),
  'jwks-max-age': duration('300s, or less if the lead asks for it', 'caches may keep the JWK Set this long'),
  ttl: duration('15m, or max-ttl if that is less', 'lifetime of a token whose request names none', 1),
  'max-ttl': duration('1h, or ttl if that is more', 'longest lifetime that a request can obtain', 1),
  'cache-layers': {
    value: 'COUNT',
    standard: String(DEFAULT_TIMING.cacheLayers),
    meaning: 'caches between this server and a verifier, each of which may add a whole max-age',
    parse: (text) => parseCount(text, 1, 10),
  },
  propagation: duration(
    formatDuration(DEFAULT_TIMING.propagation),
    'until every replica serves a committed ring',
    1,
  ),
  'clock-error': duration(formatDuration(DEFAULT_TIMING.clockError), "largest error of a replica's clock"),
  leeway: duration(formatDuration(DEFAULT_TIMING.leeway), 'what verifiers grant beyond `exp`'),
  history: duration(formatDuration(DEFAULT_HISTORY), 'the public half of a key stays in the history this long after its removal'),
  store: {
    value: 'URL',
    standard: 'memory:',
    meaning: 'where the keys are kept: `memory:` dies with the process, so its JWK Set is sent `no-cache`; `file:PATH` is one file of this machine',
    parse: parseStore,
  },
  'kek-file': {
    value: 'PATH,...',
    standard: 'none',
    meaning: 'files of 32 random bytes, raw or in base64url (`jwksd kek` makes one), under which private halves are sealed: all open, the first seals',
    parse: (text) => parseList(text, (path) => path === '' ? undefined : path, 'made of paths, each once'),
  },
  kek: {
    value: 'KEK,...',
    standard: 'none',
    meaning: 'the same in base64url, behind those of `kek-file`; read from the environment alone',
    parse: parseKek,
    isSecret: true,
  },
  unsealed: toggle('lets a store keep private halves that whoever reads it can open; beside a key-encryption key, only reads such a store'),
  'allow-shared-files': toggle('takes key and token files that group or others can reach'),
  admin: {
    value: 'ADDRESS',
    standard: 'none',
    meaning: 'where operators reach the server: `unix:PATH` (mode 0600), or a loopback address and port with `admin-token-file`',
    parse: parseAdmin,
  },
  'admin-token-file': {
    value: 'PATH',
    standard: 'none',
    meaning: 'a file with the bearer token of the admin listener, at least 32 characters',
    parse: parsePath,
  },
  clients: { value: 'PATH', standard: 'none', meaning: 'the file of registered clients, followed as it changes: mounts `/token`, `/introspect` and `/revoke`', parse: parsePath },
  audit: { value: 'PATH', standard: 'none', meaning: 'appends every change of a key and every mint to this file, each record bound to the one before', parse: parsePath },
  'audit-required': toggle('answers 503 instead of a token that cannot be recorded'),
  'open-auth': toggle('lets anyone who reaches it be anyone: mounts `/auth` on a non-loopback address, or beside `clients`'),
  'allow-origin': {
    value: 'ORIGIN,...',
    standard: 'none',
    meaning: 'web pages of these origins may call `/auth`',
    parse: parseOrigins,
  },
  'log-level': {
    value: 'LEVEL',
    standard: 'info',
    meaning: 'least level of what is logged: debug, info, warning or error',
    parse: parseLevel,
  },
  config: {
    value: 'FILE',
    standard: 'none',
    meaning: 'a JSON object whose members are named like these options; flags and environment win over it',
    parse: parsePath,
  },
}

/** The explanations of all options, in the order of the table. */
export function optionTexts(): readonly OptionText[] {
  return Object.entries(OPTIONS).map(([name, { value, standard, meaning, isSecret: isHidden }]) => {
    const flag = `--${name}${value === '' ? '' : ` ${value}`}`
    return { name, value, standard, meaning, heading: isHidden === true ? `JWKSD_${name.toUpperCase()}=${value}` : flag }
  })
}

/** Reads the text of one option; the failure says what would be right. Throws nothing, knows every name of the table. */
export function parseOption(name: keyof Settings, text: string): Result<Settings[typeof name], string> {
  return OPTIONS[name].parse(text)
}

/** Whether the table has an option of this name. */
export function isOption(name: string): name is keyof Settings {
  return Object.hasOwn(OPTIONS, name)
}

/** Whether the option takes no value. */
export function isSwitch(name: keyof Settings): boolean {
  return OPTIONS[name].value === ''
}

/** Whether the option is read from the environment alone. */
export function isSecret(name: keyof Settings): boolean {
  return OPTIONS[name].isSecret === true
}

function toggle(meaning: string): Option<boolean> {
  const parse = (text: string): Result<boolean, string> =>
    text === 'true' || text === 'false' ? ok(text === 'true') : fail('true or false')
  return { value: '', standard: 'off', meaning, parse }
}

function duration(standard: string, meaning: string, least = 0): Option<Seconds> {
  return { value: 'DURATION', standard, meaning, parse: (text) => parseLength(text, least) }
}
