import { formatDuration } from './core/duration.ts'
import type { Level } from './core/event.ts'
import { fail, ok, type Result } from './core/result.ts'
import type { Seconds } from './core/time.ts'
import { type Alg, ALGORITHMS, parseAlg } from './jose/algorithm.ts'
import { DEFAULT_TIMING, FAST_TIMING, type Timing } from './keyring/policy.ts'
import { parseCount, parseIssuer, parseLength, parseList, parseOrigins } from './option-values.ts'

/** One option as `--help` and the README show it. */
export interface OptionText {
  readonly name: string
  /** Stands for the value; empty for a switch. */
  readonly value: string
  /** What is in force when nothing is said. */
  readonly standard: string
  readonly meaning: string
}

/** One option: how it is explained, and how its text is read. The failure says what would be right. */
interface Option<Value> extends Omit<OptionText, 'name'> {
  readonly parse: (text: string) => Result<Value, string>
}

/** What was set, by flag, environment or file; an option that was not is undefined. */
export interface Settings {
  readonly host: string | undefined
  readonly port: number | undefined
  readonly issuer: string | undefined
  readonly audience: readonly string[] | undefined
  readonly alg: readonly [Alg, ...Alg[]] | undefined
  readonly 'rsa-bits': number | undefined
  readonly preset: Partial<Timing> | undefined
  readonly 'rotation-interval': Seconds | undefined
  readonly lead: Seconds | undefined
  readonly retention: Seconds | undefined
  readonly 'jwks-max-age': Seconds | undefined
  readonly ttl: Seconds | undefined
  readonly 'max-ttl': Seconds | undefined
  readonly 'cache-layers': number | undefined
  readonly propagation: Seconds | undefined
  readonly 'clock-error': Seconds | undefined
  readonly leeway: Seconds | undefined
  readonly store: 'memory:' | undefined
  readonly 'open-auth': boolean | undefined
  readonly 'allow-origin': ReadonlySet<string> | undefined
  readonly 'log-level': Level | undefined
  readonly config: string | undefined
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
  store: {
    value: 'URL',
    standard: 'memory:',
    meaning: 'where the keys are kept: `memory:` dies with the process, so its JWK Set is sent `no-cache`',
    parse: (text) => text === 'memory:' ? ok(text) : fail('memory:'),
  },
  'open-auth': {
    value: '',
    standard: 'off',
    meaning: 'lets anyone who reaches a non-loopback address be anyone: mounts `/auth` there too',
    parse: (text) => text === 'true' || text === 'false' ? ok(text === 'true') : fail('true or false'),
  },
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
    parse: (text) => isLevel(text) ? ok(text) : fail('debug, info, warning or error'),
  },
  config: {
    value: 'FILE',
    standard: 'none',
    meaning: 'a JSON object whose members are named like these options; flags and environment win over it',
    parse: (text) => text === '' ? fail('the path of a JSON file') : ok(text),
  },
}

/** The explanations of all options, in the order of the table. */
export function optionTexts(): readonly OptionText[] {
  return Object.entries(OPTIONS).map(([name, { value, standard, meaning }]) => ({ name, value, standard, meaning }))
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

function duration(standard: string, meaning: string, least = 0): Option<Seconds> {
  return { value: 'DURATION', standard, meaning, parse: (text) => parseLength(text, least) }
}

function isLevel(text: string): text is Level {
  return text === 'debug' || text === 'info' || text === 'warning' || text === 'error'
}
