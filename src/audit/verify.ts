import { isObject, type JsonObject, parseJson } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { sha256 } from '../jose/digest.ts'
import { type Head, NO_RECORD } from './chain.ts'
import { CHECKPOINT, type InForce } from './checkpoint.ts'
import { isInForce, signedBy } from './signed.ts'

/** What a log must show besides an unbroken chain. */
export interface Expected {
  /** The only keys whose checkpoints count, and when; undefined: those that the log names itself. */
  readonly keys: InForce | undefined
  /** A record that was announced elsewhere. */
  readonly head: Head | undefined
  /** Whether the final checkpoint may be missing, as while the server runs. */
  readonly isOpen: boolean
}

/** What a log without a fault holds. */
export interface LogSummary {
  /** The first and the last record; files before them may be missing. */
  readonly from: number
  readonly records: number
  /** The last record that a checkpoint signs. */
  readonly signed: number
  /** Records that nobody had signed when a server continued the log: first and last of each series. */
  readonly unvouched: readonly (readonly [number, number])[]
  readonly kids: readonly string[]
  /** Those of them that were revoked later: whoever stole such a key could sign with it. */
  readonly revoked: readonly string[]
}

/** The first record that is not as it was written, and what happened to it. */
export interface LogFault {
  readonly record: number
  readonly what: 'altered' | 'removed' | 'inserted' | 'moved' | 'foreign' | 'out of force' | 'unclosed'
}

interface Line {
  readonly text: string
  readonly record: JsonObject
}

type Read = () => Promise<Line | undefined>

const UNCLOSED = 'audit.unclosed'
const SEGMENT = 'audit.segment'
/** A checkpoint signs a record at most this many records before it: signing takes no longer. */
const MAX_DISTANCE = 10_000

/** Follows the chain from its first record, line by line, and checks each checkpoint. */
export async function verifyLog(texts: AsyncIterator<string>, expect: Expected): Promise<Result<LogSummary, LogFault>> {
  const read: Read = async () => {
    const { done, value } = await texts.next()
    return done === true ? undefined : lineOf(value)
  }
  const kids = new Set<string>()
  const unvouched: [number, number][] = []
  let [line, next] = [await read(), await read()]
  const before = headBefore(line)
  const hashes = new Map<number, string>([[before.seq, before.hash]])
  let [head, checkpoint, signed] = [before, 0, before.seq]
  for (; line !== undefined; [line, next] = [next, await read()]) {
    const fault = await linkFault(line, next, head, read) ?? await checkpointFault(line, { head, hashes, kids, expect })
    if (fault !== undefined) return fail(fault)
    head = { seq: head.seq + 1, hash: sha256(line.text) }
    hashes.set(head.seq, head.hash)
    hashes.delete(head.seq - MAX_DISTANCE)
    if (head.seq === expect.head?.seq && head.hash !== expect.head.hash) return faultAt(head.seq, 'altered')
    if (line.record['event'] === UNCLOSED) unvouched.push([signed + 1, head.seq - 1])
    if (line.record['event'] === CHECKPOINT) [checkpoint, signed] = [head.seq, Number(line.record['covers'])]
  }
  if (head.seq < (expect.head?.seq ?? 0)) return faultAt(head.seq + 1, 'removed')
  const isClosed = head.seq > 0 && checkpoint === head.seq && signed === head.seq - 1
  if (!isClosed && !expect.isOpen) return faultAt(head.seq, 'unclosed')
  const revoked = [...kids].filter((kid) => expect.keys?.get(kid)?.isRevoked === true)
  return ok({ from: before.seq + 1, records: head.seq, signed, unvouched, kids: [...kids], revoked })
}

/** The record before the first: a file of a longer log names it. */
function headBefore(line: Line | undefined): Head {
  const { event, seq, prev } = line?.record ?? {}
  const isSegment = event === SEGMENT && typeof seq === 'number' && seq > 1 && typeof prev === 'string'
  return isSegment ? { seq: seq - 1, hash: prev } : NO_RECORD
}

function faultAt(record: number, what: LogFault['what']): Result<never, LogFault> {
  return fail({ record, what })
}

function lineOf(text: string): Line {
  const parsed = parseJson(text)
  return { text, record: parsed.ok && isObject(parsed.value) ? parsed.value : {} }
}

/** Why a line does not follow the head; a broken link is the fault of the record that both neighbours contradict. */
async function linkFault(line: Line, next: Line | undefined, head: Head, read: Read): Promise<LogFault | undefined> {
  const { text, record } = line
  const expected = head.seq + 1
  const follows = record['prev'] === head.hash
  if (record['seq'] !== expected && !follows) return await misplaced(record['seq'], next, expected, read)
  if (record['seq'] !== expected) return { record: expected, what: 'altered' }
  if (follows) return undefined
  const isFollowed = next === undefined ? record['head'] === record['prev'] : next.record['prev'] === sha256(text)
  return { record: isFollowed && head.seq > 0 ? head.seq : expected, what: 'altered' }
}

async function misplaced(seq: unknown, next: Line | undefined, expected: number, read: Read): Promise<LogFault> {
  let isBehind = false
  for (let line = next; line !== undefined && !isBehind; line = await read()) isBehind = line.record['seq'] === expected
  // An altered number is followed by the record that would have come next anyway.
  const isNumber = typeof seq !== 'number' || (next?.record['seq'] === expected + 1 && !isBehind)
  if (isNumber) return { record: expected, what: 'altered' }
  if (seq < expected) return { record: seq, what: 'inserted' }
  return { record: expected, what: isBehind ? 'moved' : 'removed' }
}

/** What is needed to judge a checkpoint: the record before it, the hashes of earlier records, and the keys so far. */
interface Judging {
  readonly head: Head
  readonly hashes: ReadonlyMap<number, string>
  readonly kids: Set<string>
  readonly expect: Expected
}

/** What is wrong with a checkpoint, if the line is one; adds its key to `kids`. */
async function checkpointFault({ text, record }: Line, judging: Judging): Promise<LogFault | undefined> {
  if (record['event'] !== CHECKPOINT) return undefined
  const { head, hashes, kids, expect } = judging
  const seq = Number(record['covers'])
  const isAsWritten = text === JSON.stringify(record)
  const key = isAsWritten ? await signedBy(record, { seq, hash: hashes.get(seq) ?? '' }) : undefined
  if (key === undefined) return { record: head.seq + 1, what: 'altered' }
  if (expect.keys?.has(key.kid) === false) return { record: head.seq + 1, what: 'foreign' }
  const isRight = expect.keys === undefined || isInForce(expect.keys.get(key.kid), String(record['time']))
  if (!isRight) return { record: head.seq + 1, what: 'out of force' }
  kids.add(key.kid)
  return undefined
}
