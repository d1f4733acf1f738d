import { createReadStream, readFileSync } from 'node:fs'
import type { Head } from '../audit/chain.ts'
import { type LogFault, type LogSummary, verifyLog } from '../audit/verify.ts'
import { systemSays } from '../core/errno.ts'
import { isObject, parseJson } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { decodeUtf8 } from '../core/encoding.ts'
import { parsePublicJwk } from '../jose/jwk.ts'
import { EXIT, refuse } from '../system/exit.ts'
import type { Command } from './command.ts'

const MEANING: Readonly<Record<LogFault['what'], string>> = {
  altered: 'was altered',
  removed: 'was removed',
  inserted: 'was inserted',
  moved: 'was moved',
  foreign: 'is signed by a key that is not among --keys',
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
    { name: 'open', value: '', meaning: 'accept a log without a last checkpoint: its server runs, or crashed' },
  ],
  meaning: 'Find the first record of an audit log that was altered, removed, inserted or moved.',
  example: 'jwksd audit verify audit.log --keys jwks-history.json',
  run: ({ own, words: [, path = ''] }) => auditVerify(path, own),
}

async function auditVerify(path: string, own: Readonly<Record<string, string>>): Promise<void> {
  const kids = own['keys'] === undefined ? ok(undefined) : readKids(own['keys'])
  const head = own['head'] === undefined ? ok(undefined) : parseHead(own['head'])
  if (!kids.ok) return refuse(EXIT.config, kids.error)
  if (!head.ok) return refuse(EXIT.config, head.error)
  const file = createReadStream(path)
  try {
    const isOpen = own['open'] !== undefined
    const found = await verifyLog(linesOf(file, isOpen), { kids: kids.value, head: head.value, isOpen })
    if (!found.ok) return refuse(EXIT.refused, `${path}: record ${found.error.record} ${MEANING[found.error.what]}`)
    const trust = own['keys'] === undefined ? ' (compare with jwks-history.json, or name it with --keys)' : ''
    process.stdout.write(`${summary(path, found.value, trust).join('\n')}\n`)
  } catch (error) {
    refuse(EXIT.refused, `Cannot read ${path}: ${systemSays(error)}`)
  } finally {
    file.destroy()
  }
}

function summary(path: string, { records, signed, unvouched, kids }: LogSummary, trust: string): readonly string[] {
  const isOpen = signed > 0 && records > signed + 1
  return [
    `${path}: ${records} records, none altered, removed, inserted or moved`,
    signed === 0 ? 'no checkpoint signs any of them' : `signed up to record ${signed} by ${kids.join(', ')}${trust}`,
    ...(isOpen ? [`records ${signed + 1} to ${records} are not signed yet`] : []),
    ...unvouched.map(([from, to]) => `records ${from} to ${to} were not signed when a server started on them: ` +
      'it had crashed, or somebody else wrote them'),
  ]
}

/**
 * The lines of a log, split at line feeds and nowhere else, as they were written. What follows the last
 * one is a line that a crash cut off; in an open log it is left out.
 */
async function* linesOf(file: AsyncIterable<Buffer>, isOpen: boolean): AsyncGenerator<string, void, void> {
  let rest = Buffer.alloc(0)
  // What is no UTF-8 was not written by us, and is no record.
  const textOf = (bytes: Buffer): string => decodeUtf8(bytes) ?? ''
  for await (const chunk of file) {
    rest = Buffer.concat([rest, chunk])
    for (let end = rest.indexOf(LINE_FEED); end >= 0; end = rest.indexOf(LINE_FEED)) {
      yield textOf(rest.subarray(0, end))
      rest = rest.subarray(end + 1)
    }
  }
  if (rest.length > 0 && !isOpen) yield textOf(rest)
}

function readKids(path: string): Result<ReadonlySet<string>, string> {
  try {
    const parsed = parseJson(readFileSync(path, 'utf8'))
    const list = parsed.ok && isObject(parsed.value) ? parsed.value['keys'] : undefined
    if (!Array.isArray(list)) return fail(`--keys: ${path} is not a key set. Save jwks-history.json of the server`)
    const jwks = list.map((item) => parsePublicJwk(isObject(item) && item['jwk'] !== undefined ? item['jwk'] : item))
    return ok(new Set(jwks.flatMap((jwk) => jwk.ok ? [jwk.value.kid] : [])))
  } catch {
    return fail(`--keys: ${path} cannot be read`)
  }
}

function parseHead(text: string): Result<Head, string> {
  const [, seq, hash] = /^(\d{1,15}):([A-Za-z0-9_-]{43})$/.exec(text) ?? []
  if (hash === undefined) return fail('--head must be SEQ:HASH, as a checkpoint announced it')
  return ok({ seq: Number(seq), hash })
}
