import { isLoopbackAddress, isLoopbackUrl } from '../core/loopback.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type HighWaterMarks, type Policy, resolveTiming, type TimingSettings } from '../keyring/policy.ts'
import { readEnvironment } from './environment.ts'
import { type Flag, type Flags, readFlags } from './flags.ts'
import { type Option, OPTIONS, SETTINGS, type Settings, type Table, TIMING } from './options.ts'
import type { ConfigFault, Setting } from './setting.ts'
import { isEngine } from './values.ts'

/**
 * The configuration of a server: `SETTINGS` and `TIMING` in options.ts are its options, values.ts reads their texts,
 * and flags, environment and file are its sources. Start with options.ts.
 */

/** A whole configuration: nothing in it is missing or contradicts itself. */
export interface Config extends Settings {
  readonly policy: (marks: HighWaterMarks) => Policy
  /** Who may mint at `/auth`: this machine, everyone who reaches the address, or nobody. */
  readonly auth: 'loopback' | 'open' | 'off'
  /** Whether others than this machine may reach the server: at its address, or at the URL of its issuer. */
  readonly isPublic: boolean
}

/** A configuration, and what the command line holds besides. */
export interface Configured extends Pick<Flags, 'own' | 'words'> {
  readonly config: Config
  /** What was set, as it was typed, without secrets; for the record. */
  readonly typed: Readonly<Record<string, string>>
  /** Variables of the environment that look like ours and name no option. */
  readonly unknown: readonly string[]
}

/** Where a configuration comes from. */
export interface Sources {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** The options in the file that a setting names; every fault is added to `faults`. */
  readonly inFile: (named: Setting, faults: ConfigFault[]) => readonly Setting[]
  /** The flags of the command, beside the options of the server. */
  readonly flags?: readonly Flag[]
}

/** What is set, by option. */
type Given = ReadonlyMap<string, Setting>

/** Reads flags over environment over file over defaults; the failure is every fault, not the first. */
export function parseConfig({ args, env, inFile, flags = [] }: Sources): Result<Configured, readonly ConfigFault[]> {
  const { settings, own, words, faults: flagFaults } = readFlags(args, flags)
  const faults = [...flagFaults]
  const variables = readEnvironment(env)
  const unknown = variables.filter(({ option }) => !OPTIONS.has(option))
  const outside = [...variables.filter((variable) => !unknown.includes(variable)), ...settings]
  const named = outside.findLast(({ option }) => option === 'config')
  const inside = named === undefined ? [] : inFile(named, faults)
  const given = new Map([...inside, ...outside].map((setting) => [setting.option, setting]))
  const config = assemble(given, faults)
  if (faults.length > 0) return fail(faults)
  const open = [...given].filter(([option]) => OPTIONS.get(option)?.isSecret !== true)
  const typed = Object.fromEntries(open.map(([option, { text }]) => [option, text]))
  return ok({ config, own, words, typed, unknown: unknown.map((variable) => variable.typed) })
}

/** Whether a server is configured by a file too. */
export function namesFile({ args, env }: Pick<Sources, 'args' | 'env'>): boolean {
  return [...readEnvironment(env), ...readFlags(args, []).settings].some(({ option }) => option === 'config')
}

function assemble(given: Given, faults: ConfigFault[]): Config {
  const settings = valuesOf(SETTINGS, given, faults)
  const timing = valuesOf(TIMING, given, faults)
  for (const [isBroken, option, problem] of contradictions(settings, timing)) {
    if (isBroken) faults.push({ typed: given.get(option)?.typed ?? `--${option}`, problem })
  }
  const { algs, separate, rsaBits, history } = settings
  const rest = { algs, separate, rsaBits, history }
  const policy: Config['policy'] = (marks) => ({ timing: resolveTiming(timing, marks), ...rest })
  const { host, issuer } = settings
  const isPublic = !isLoopbackAddress(host) || (issuer !== undefined && !isLoopbackUrl(issuer))
  return { ...settings, policy, auth: authOf(settings, isPublic), isPublic }
}

/** The values of a table's options; a member without value and default is left out. */
function valuesOf<Values>(table: Table<Values>, given: Given, faults: ConfigFault[]): Values {
  const isFast = given.get('preset')?.text === 'fast'
  const isShared = isEngine(given.get('store')?.text ?? '')
  const values = Object.entries<Option<unknown>>(table).map(([member, row]) => {
    const { typed = '', text } = given.get(row.option) ?? {}
    const value = text === undefined ? undefined : row.parse(text)
    const shown = row.isSecret === true ? 'has a value that' : `is ${JSON.stringify(text?.slice(0, 64))} but`
    if (text !== undefined && value === undefined) faults.push({ typed, problem: `${shown} must be ${row.wanted}` })
    const initial = (isFast ? row.fast : isShared ? row.shared : undefined) ?? row.initial
    return [member, value ?? (initial === undefined ? undefined : row.parse(initial))] as const
  })
  // Each value was read by the option of its member.
  return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as Values
}

/** Clients or a public issuer mean production, often behind a proxy that makes a loopback address public. */
function authOf({ host, clients, openAuth }: Settings, isPublic: boolean): Config['auth'] {
  if (!openAuth) return isPublic || clients !== undefined ? 'off' : 'loopback'
  return isLoopbackAddress(host) ? 'loopback' : 'open'
}

/** Whether a rule is broken, the option to change, and what is wrong with it. */
type Rule = readonly [isBroken: boolean, option: string, problem: string]

/** What is missing beside an option, or contradicts it; nothing secret lies open by default. */
function contradictions(settings: Settings, { ttl, maxTtl }: TimingSettings): readonly Rule[] {
  const { host, issuer, store, kekFiles, keks, unsealed, audit, auditRequired, workers } = settings
  const { algs, separate = [], allowHttpIssuer, trustedProxies: proxies, forwardedHeader } = settings
  const isSealed = kekFiles !== undefined || keks !== undefined || unsealed
  return [
    [
      !isLoopbackAddress(host) && issuer === undefined, 'issuer',
      `must be set to listen on ${host}, which is not a loopback address`,
    ],
    [
      issuer?.startsWith('http:') === true && !isLoopbackUrl(issuer) && !allowHttpIssuer, 'issuer',
      'must begin with https: by http anyone on the way can replace the keys. To accept that, set --allow-http-issuer',
    ],
    [forwardedHeader !== undefined && proxies === undefined, 'trusted-proxies', 'must be set for --forwarded-header'],
    [separate.some((alg) => !algs.includes(alg)), 'separate-set', 'must name algorithms of --alg'],
    [algs.every((alg) => separate.includes(alg)), 'separate-set', 'must leave an algorithm of --alg in the common set'],
    [
      (ttl ?? 0) > (maxTtl ?? Infinity), 'ttl',
      `is ${ttl}s but must be at most --max-ttl, ${maxTtl}s. Lower --ttl, or raise --max-ttl`,
    ],
    [
      store !== 'memory:' && !isSealed, 'kek-file',
      `must be set to encrypt the keys in ${store} (\`jwksd kek\` makes one), or --unsealed to leave them unencrypted`,
    ],
    [auditRequired && audit === undefined, 'audit', 'must be set for --audit-required'],
    [audit === '-' && workers > 1, 'audit', 'is - but one process alone can write to standard output. Set --workers 1'],
  ]
}
