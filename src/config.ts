import { parseArgs } from 'node:util'
import type { Level } from './core/event.ts'
import { isObject, type Json, parseJson } from './core/json.ts'
import { fail, ok, type Result } from './core/result.ts'
import { isLoopbackAddress } from './http/loopback.ts'
import { type HighWaterMarks, type Policy, resolveTiming, type Timing } from './keyring/policy.ts'
import { isOption, isSwitch, optionTexts, parseOption, type Settings } from './options.ts'

/** A whole configuration: nothing in it is missing or contradicts itself. */
export interface Config {
  readonly host: string
  readonly port: number
  /** Undefined: the URL of the loopback address and port that the server really listens on. */
  readonly issuer: string | undefined
  readonly audience: string | readonly string[]
  readonly policy: (marks: HighWaterMarks) => Policy
  readonly store: string
  /** Who may mint at `/auth`: this machine, everyone who reaches the address, or nobody. */
  readonly auth: 'loopback' | 'open' | 'off'
  readonly allowOrigins: ReadonlySet<string>
  readonly logLevel: Level
}

/** What a command line asks for. */
export type Command =
  | { readonly name: 'help' | 'version' }
  | { readonly name: 'serve' | 'check'; readonly config: Config }

/** One thing that is wrong, where it was said, and what would be right. */
export interface ConfigFault {
  readonly option: string
  readonly source: string
  readonly problem: string
}

/** Where a configuration comes from. */
export interface Sources {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** The text of a file; throws when there is none. */
  readonly readFile: (path: string) => string
}

interface Said {
  readonly option: string
  readonly source: string
  readonly text: string
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
  return faults.length === 0 ? ok({ name: flags.command, config }) : fail(faults)
}

/** One fault as one line. */
export function faultText({ option, source, problem }: ConfigFault): string {
  return `${option} (${source}): ${problem}`
}

function readFlags(
  args: readonly string[],
  faults: ConfigFault[],
): { said: Said[]; command: 'serve' | 'check'; wants?: 'help' | 'version' } {
  const options = Object.fromEntries(optionTexts().map(({ name, value }) =>
    [name, { type: value === '' ? 'boolean' : 'string' } as const]))
  const { tokens, positionals } = parseArgs({ args: [...args], options, strict: false, tokens: true })
  const said: Said[] = []
  const fault = (option: string, problem: string): void => void faults.push({ option, source: 'flag', problem })
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const { name, rawName, value } = token
    if (name === 'help' || name === 'h') return { said, command: 'serve', wants: 'help' }
    if (name === 'version') return { said, command: 'serve', wants: 'version' }
    if (!isOption(name)) fault(rawName, 'is not an option; --help lists them')
    else if (value === undefined && !isSwitch(name)) fault(rawName, 'needs a value')
    else if (said.some(({ option }) => option === name)) fault(rawName, 'is given twice')
    else said.push({ option: name, source: 'flag', text: value ?? 'true' })
  }
  // The word after an unknown option is most likely its value.
  const [command = 'serve', ...more] = faults.length > 0 ? [] : positionals
  if (command !== 'serve' && command !== 'check') fault(JSON.stringify(command), 'is not a command; serve and check are')
  for (const word of more) fault(JSON.stringify(word), 'is not expected here')
  return { said, command: command === 'check' ? 'check' : 'serve' }
}

/** An empty variable counts as absent; names that are no option are not ours to judge. */
function readEnv(env: Sources['env']): readonly Said[] {
  return Object.entries(env).flatMap(([variable, text = '']) => {
    const option = variable.replace(/^JWKSD_/, '').toLowerCase().replaceAll('_', '-')
    const isOurs = variable.startsWith('JWKSD_') && !SERVICE_LINK.test(`${variable}=${text}`) && text !== ''
    return isOurs && isOption(option) ? [{ option, source: variable, text }] : []
  })
}

function readConfigFile(path: string, readFile: Sources['readFile'], faults: ConfigFault[]): readonly Said[] {
  const fault = (option: string, problem: string): void => void faults.push({ option, source: path, problem })
  let text: string
  try {
    text = readFile(path)
  } catch {
    fault('config', 'cannot be read')
    return []
  }
  const parsed = parseJson(text)
  if (!parsed.ok || !isObject(parsed.value)) {
    fault(parsed.ok ? 'config' : parsed.error.member || 'config', parsed.ok ? 'must be a JSON object' : parsed.error.reason)
    return []
  }
  return Object.entries(parsed.value).flatMap(([option, value]) => {
    const text = textOf(value)
    if (!isOption(option) || option === 'config') fault(option, 'is not an option of a file; --help lists them')
    else if (text === undefined) fault(option, 'must be a text, a number, true, false or a list of texts')
    else return [{ option, source: path, text }]
    return []
  })
}

function textOf(value: Json): string | undefined {
  if (Array.isArray(value)) return value.every((item) => typeof item === 'string') ? value.join(',') : undefined
  return value === null || typeof value === 'object' ? undefined : String(value)
}

function parseAll(said: ReadonlyMap<string, Said>, faults: ConfigFault[]): Partial<Settings> {
  const parsed = [...said.values()].flatMap(({ option, source, text }) => {
    if (!isOption(option)) return []
    const value = parseOption(option, text)
    if (value.ok) return [[option, value.value] as const]
    faults.push({ option, source, problem: `${JSON.stringify(text.slice(0, 64))} is not ${value.error}` })
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
  return {
    host,
    port: set.port ?? 8080,
    issuer: set.issuer,
    audience: audience.length === 1 ? audience[0] as string : audience,
    policy: (marks) => ({ timing: resolveTiming(timing, marks), algs, rsaBits }),
    store: set.store ?? 'memory:',
    auth: isLoopback ? 'loopback' : set['open-auth'] === true ? 'open' : 'off',
    allowOrigins: set['allow-origin'] ?? new Set(),
    logLevel: set['log-level'] ?? 'info',
  }
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
