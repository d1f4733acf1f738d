import type { Config } from '../config/config.ts'
import { parseDuration } from '../core/duration.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type Instant, instant, type Seconds, timestamp } from '../core/time.ts'
import { adoptPrivate, adoptPublic, readJwk } from '../jose/adopt.ts'
import type { Alg } from '../jose/algorithm.ts'
import { type Kid, parseKid } from '../jose/jwk.ts'
import type { Keks } from '../jose/kek.ts'
import { KeyringFault } from '../keyring/fault.ts'
import type { Import, ImportFault } from '../keyring/import.ts'
import { importKey } from '../keyring/import-key.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import { loadKeks } from '../stores/keks.ts'
import { openStores } from '../stores/open.ts'
import { systemClock, systemElapsed } from '../system/clock.ts'
import { EXIT, refuse } from '../system/exit.ts'
import { readPrivate } from '../system/private-file.ts'
import { systemRandom } from '../system/random.ts'
import { operatorName } from './operator-name.ts'
import { isRecorded, openStopped, reasonFault } from './order-record.ts'

type Own = Readonly<Record<string, string>>

const MAX_FILE_BYTES = 64 * 1024
/** A date and time with an offset (RFC 3339 section 5.6). */
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/

/** What the flags say about the key and its past. */
interface Past extends Pick<Import, 'publishedSince' | 'marks'> {
  readonly kid: Kid
  readonly alg: Alg
}

/** Takes a key of another issuer into the store, while no server runs that records to `--audit`. */
export async function importFile(config: Config, path: string, own: Own): Promise<void> {
  const { reason = '', as } = own
  if (config.store === 'memory:') return refuse(EXIT.config, '--store is memory:. Name the store of the servers')
  const past = pastOf(config, own, systemClock())
  if (!past.ok) return refuse(EXIT.config, past.error)
  const fault = reasonFault(reason)
  if (fault !== undefined) return refuse(EXIT.config, fault)
  const keks = await loadKeks(config, systemRandom)
  if (!keks.ok) return refuse(EXIT.config, keks.error)
  const key = await keyIn(path, past.value, { isPublic: own['public'] !== undefined, config, keks: keks.value })
  if (!key.ok) return refuse(EXIT.config, key.error)
  const audit = await openStopped(config)
  if (!audit.ok) return refuse(EXIT.config, `${audit.error}. Stop the server, and import again`)
  const { kid, alg, publishedSince, marks } = past.value
  const order = { action: 'import', target: kid, forced: false, reason, by: operatorName(as) }
  const record = async (): Promise<boolean> =>
    audit.value === undefined || await isRecorded(audit.value, order, config.audit)
  try {
    const { ring: store } = await openStores(config, { randomBytes: systemRandom, mayCreate: true })
    const deps = { store, keks: keks.value, now: systemClock, elapsed: systemElapsed, randomBytes: systemRandom }
    const { policy } = config
    const done = await importKey({ key: key.value, publishedSince, marks }, { ...deps, policy, record })
    if (!done.ok) return refuse(done.error === 'not_recorded' ? EXIT.unavailable : EXIT.refused, faultText(done.error))
    process.stdout.write(`Imported ${kid} (${alg}) as ${done.value}: ${MEANING[done.value]}\n`)
  } catch (error) {
    if (!(error instanceof StoreUnavailable || error instanceof KeyringFault)) throw error
    const code = error instanceof KeyringFault ? EXIT.config : EXIT.unavailable
    refuse(code, `Cannot import into ${config.store}: ${error.message}`)
  }
}

const MEANING = {
  active: 'it signs from the next start, and its successor follows once that was published for its whole lead.',
  standby: 'it signs once it was published for its whole lead.',
  retired: 'it verifies until its last token is over.',
} as const

function faultText(fault: ImportFault | 'not_recorded'): string {
  if (fault === 'not_recorded') return 'Nothing was imported'
  if (fault.code === 'known_key') return `The ring has, or had, this key or its name: ${fault.kid}. Make a new key`
  const time = timestamp(instant(Math.ceil(fault.earliestSafeAt))).replace('.000Z', 'Z')
  return `Some cache may lack the key before ${time}, by (1) and --old-max-age. Import it then`
}

function pastOf({ algs }: Config, own: Own, now: Instant): Result<Past, string> {
  const [alg, ...more] = algs
  if (more.length > 0) return fail(`--alg is ${algs.join(',')}. Name the one algorithm of the key`)
  const kid = parseKid(own['kid'])
  if (kid === undefined || kid.startsWith('-')) {
    return fail('--kid must be the name of the key: 1 to 256 visible ASCII characters, no dash first')
  }
  const since = timeIn(own['published-since'])
  if (since === undefined) return fail('--published-since must be a time like 2026-01-31T12:00:00Z')
  if (since > now) return fail('--published-since lies ahead. Name the time since when the key is published')
  const maxAge = lengthIn(own['old-max-age'])
  if (maxAge === undefined) return fail('--old-max-age must be a duration like 5m')
  const maxTtl = lengthIn(own['old-max-ttl'])
  if (maxTtl === undefined) return fail('--old-max-ttl must be a duration like 1h')
  return ok({ alg, kid, publishedSince: since, marks: { maxAge, maxTtl } })
}

function lengthIn(text: string | undefined): Seconds | undefined {
  return text === undefined ? undefined : parseDuration(text)
}

function timeIn(text = ''): Instant | undefined {
  const time = DATE_TIME.test(text) ? new Date(text).getTime() : NaN
  return Number.isNaN(time) ? undefined : instant(time / 1000)
}

/** What a key in a file is read for. */
interface Reading {
  readonly isPublic: boolean
  readonly config: Config
  readonly keks: Keks
}

/** The key in a file; the failure is a sentence for the operator. */
async function keyIn(
  path: string,
  past: Past,
  { isPublic, config, keks }: Reading,
): Promise<Result<Import['key'], string>> {
  const othersMay = isPublic ? 'read' : 'nothing'
  const rules = { othersMay, allowShared: config.allowShared, followsLinks: true, maxBytes: MAX_FILE_BYTES } as const
  const read = await readPrivate(path, rules)
  if (!read.ok) return fail(`Cannot use ${path}: ${read.error.problem}`)
  const raw = readJwk(read.value, isPublic)
  if (!raw.ok) return fail(`${path} ${raw.error}`)
  const adopted: Result<Import['key'], string> = isPublic ? adoptPublic(raw.value, past)
    : await adoptPrivate(raw.value, past, { kek: keks[0], randomBytes: systemRandom })
  if (!adopted.ok) return fail(`${path}: ${memberText(adopted.error, past)}`)
  return ok(adopted.value)
}

function memberText(member: string, { alg, kid }: Past): string {
  if (member === 'key') return `its halves do not belong together, or are no key of ${alg}`
  if (member === 'kid') return `it names itself otherwise than --kid ${kid}`
  return `its member ${member} is missing, too weak, or does not fit ${alg}`
}
