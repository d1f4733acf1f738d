import { closeSync, createReadStream, openSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Head } from '../audit/chain.ts'
import type { Force, InForce } from '../audit/checkpoint.ts'
import { recordOf } from '../audit/opened.ts'
import { type LogFault, type LogSummary, verifyLog } from '../audit/verify.ts'
import { errnoOf, systemSays } from '../core/errno.ts'
import { isObject, type JsonObject, parseJson } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { decodeUtf8 } from '../core/encoding.ts'
import { parsePublicJwk } from '../jose/jwk.ts'
import { firstLine } from '../stores/lines.ts'
import { EXIT, refuse } from '../system/exit.ts'
import type { Command } from './command.ts'

const MEANING: Readonly<Record<LogFault['what'], string>> = {
  altered: 'was altered',
  removed: 'was removed',
  inserted: 'was inserted',
  moved: 'was moved',
  foreign: 'is signed by a key that is not among --keys',
  'out of force': 'is signed by a key that was not in force then: somebody signed with an old or revoked key',
  unclosed: 'is the last, but not a checkpoint: the end was removed, or the server runs or crashed (then use --open)',
}
/** The end of a record: LF. */
const LINE_FEED = 0x0a

/** `jwksd audit verify FILE`: finds the first record that is not as it was written; exit 1 if there is one. */
export const audit: Command = {
  words: ['verify', 'FILE'],
  flags: [
    {
      name: 'keys', value: 'FILE',
      meaning: 'a saved jwks-history.json or jwks.json: accept only signatures by these keys',
    },
    { name: 'head', value: 'SEQ:HASH', meaning: 'a record that the log must hold, as a checkpoint announced it' },
    {
      name: 'before', value: 'FILE,...',
      meaning: 'the files of the log before this one, oldest first; those named FILE.CHAIN.SEQ are found without it',
    },
    { name: 'open', value: '', meaning: 'accept a log without a last checkpoint: its server runs, or crashed' },
  ],
  meaning: 'Find the first record of an audit log that was altered, removed, inserted or moved.',
  example: 'jwksd audit verify audit.log --keys jwks-history.json',
  run: ({ own, words: [, path = ''] }) => auditVerify(path, own),
}

async function auditVerify(path: string, own: Readonly<Record<string, string>>): Promise<void> {
  const keys = own['keys'] === undefined ? ok(undefined) : readKeys(own['keys'])
  const head = own['head'] === undefined ? ok(undefined) : parseHead(own['head'])
  if (!keys.ok) return refuse(EXIT.config, keys.error)
  if (!head.ok) return refuse(EXIT.config, head.error)
  const isOpen = own['open'] !== undefined
  const lines = linesOf(() => [...own['before']?.split(',') ?? filesBefore(path), path], isOpen)
  try {
    const found = await verifyLog(lines, { keys: keys.value, head: head.value, isOpen })
    if (!found.ok) return refuse(EXIT.refused, `${path}: ${faultText(found.error, path)}`)
    const trust = own['keys'] === undefined ? ' (compare with jwks-history.json, or name it with --keys)' : ''
    process.stdout.write(`${summary(path, found.value, trust).join('\n')}\n`)
  } catch (error) {
    refuse(EXIT.refused, `Cannot read ${errnoOf(error).path ?? path}: ${systemSays(error)}`)
  } finally {
    // The fault may lie before the end.
    await lines.return()
  }
}

function faultText({ record, what }: LogFault, path: string): string {
  const isLog = record > 1 || typeof recordOf(firstLineOf(path))['seq'] === 'number'
  return isLog ? `record ${record} ${MEANING[what]}` : 'the first line is no record, so this is not an audit log'
}

function summary(path: string, log: LogSummary, trust: string): readonly string[] {
  const { from, records, signed, unvouched, kids, revoked } = log
  const isOpen = signed >= from && records > signed + 1
  return [
    `${path}: ${records - from + 1} records, none altered, removed, inserted or moved`,
    ...(from > 1 ? [`it begins with record ${from}; the files before it were not read`] : []),
    signed < from ? 'no checkpoint signs any of them' : `signed up to record ${signed} by ${kids.join(', ')}${trust}`,
    ...(isOpen ? [`records ${signed + 1} to ${records} are not signed yet`] : []),
    ...unvouched.map(([from, to]) => `records ${from} to ${to} were not signed when a server started on them: ` +
      'it had crashed, or somebody else wrote them'),
    ...revoked.map((kid) => `${kid} was revoked later: what it signed alone may be the work of whoever stole it`),
  ]
}

/** The files of the same chain that the server put aside before this one, oldest first. */
function filesBefore(path: string): readonly string[] {
  const { seq, chain } = recordOf(firstLineOf(path))
  const start = `${basename(path)}.${String(chain).slice(0, 8)}.`
  if (typeof chain !== 'string' || seq === 1) return []
  return readdirSync(dirname(path)).filter((name) => name.startsWith(start)).toSorted()
    .map((name) => join(dirname(path), name))
}

function firstLineOf(path: string): string | undefined {
  const file = openSync(path, 'r')
  try {
    return firstLine(file)
  } finally {
    closeSync(file)
  }
}

/**
 * The lines of a log, split at line feeds and nowhere else, as they were written. What follows the last one of a file
 * is a line that a crash cut off: it is no record where another file goes on, nor in an open log.
 */
async function* linesOf(paths: () => readonly string[], isOpen: boolean): AsyncGenerator<string, void, void> {
  // What is no UTF-8 was not written by us, and is no record.
  const textOf = (bytes: Buffer): string => decodeUtf8(bytes) ?? ''
  const all = paths()
  for (const path of all) {
    let rest = Buffer.alloc(0)
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      rest = Buffer.concat([rest, chunk])
      for (let end = rest.indexOf(LINE_FEED); end >= 0; end = rest.indexOf(LINE_FEED)) {
        yield textOf(rest.subarray(0, end))
        rest = rest.subarray(end + 1)
      }
    }
    if (rest.length > 0 && !isOpen && path === all.at(-1)) yield textOf(rest)
  }
}

function readKeys(path: string): Result<InForce, string> {
  try {
    const parsed = parseJson(readFileSync(path, 'utf8'))
    const list = parsed.ok && isObject(parsed.value) ? parsed.value['keys'] : undefined
    if (!Array.isArray(list)) return fail(`--keys: ${path} is not a key set. Save jwks-history.json of the server`)
    return ok(new Map(list.flatMap((item) => isObject(item) ? keyIn(item) : [])))
  } catch {
    return fail(`--keys: ${path} cannot be read`)
  }
}

/** The kid of a key in jwks-history.json or in a key set, and when it was in force as far as that says. */
function keyIn(item: JsonObject): readonly [string, Force][] {
  const { jwk = item, state, active_from: from, active_to: to, removed_at: removedAt, why } = item
  const parsed = parsePublicJwk(jwk)
  const bounds = {
    from: typeof from === 'number' ? from : state === undefined ? -Infinity : Infinity,
    to: typeof to === 'number' ? to : typeof removedAt === 'number' ? removedAt : Infinity,
  }
  return parsed.ok ? [[parsed.value.kid, { ...bounds, isRevoked: why === 'revoked' }]] : []
}

function parseHead(text: string): Result<Head, string> {
  const [, seq, hash] = /^(\d{1,15}):([A-Za-z0-9_-]{43})$/.exec(text) ?? []
  if (hash === undefined) return fail('--head must be SEQ:HASH, as a checkpoint announced it')
  return ok({ seq: Number(seq), hash })
}
