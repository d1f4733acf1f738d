import { isObject, type JsonObject, parseJson } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { sha256 } from '../jose/digest.ts'
import { type Head, NO_RECORD } from './chain.ts'
import { CHECKPOINT, signedBy } from './checkpoint.ts'

/** What a log must satisfy besides being whole. */
export interface Expected {
  /** The only keys whose checkpoints count; undefined: those that the log names itself. */
  readonly kids: ReadonlySet<string> | undefined
  /** A record that was announced elsewhere. */
  readonly head: Head | undefined
  /** Whether the end may lack its checkpoint, as while the server runs. */
  readonly isOpen: boolean
}

/** What a whole log holds. */
export interface LogSummary {
  readonly records: number
  /** The last record that a checkpoint signs. */
  readonly signed: number
  /** Records that nobody had signed when a server found them: first and last of each stretch. */
  readonly unvouched: readonly (readonly [number, number])[]
  readonly kids: readonly string[]
}

/** The first record that is not as it was written, and what was done to it. */
export interface LogFault {
  readonly record: number
  readonly what: 'altered' | 'removed' | 'inserted' | 'moved' | 'foreign' | 'unclosed'
}

interface Line {
  readonly text: string
  readonly record: JsonObject
}

type Read = () => Promise<Line | undefined>

const UNCLOSED = 'audit.unclosed'
/** A checkpoint covers a record this close before it: signing takes no longer. */
const NEAR = 10_000

/** Follows the chain from its first record, line by line, and checks each checkpoint. */
export async function verifyLog(texts: AsyncIterator<string>, expected: Expected): Promise<Result<LogSummary, LogFault>> {
  const read: Read = async () => {
    const { done, value } = await texts.next()
    return done === true ? undefined : lineOf(value)
  }
  const hashes = new Map<number, string>()
  const kids = new Set<string>()
  const unvouched: [number, number][] = []
  let [head, checkpoint, covers] = [NO_RECORD, 0, 0]
  let [line, next] = [await read(), await read()]
  for (; line !== undefined; [line, next] = [next, await read()]) {
    const wrong = await breakAt(line, next, head, read) ?? await judge(line, head, hashes, kids, expected)
    if (wrong !== undefined) return fail(wrong)
    head = { seq: head.seq + 1, hash: sha256(line.text) }
    hashes.set(head.seq, head.hash)
    hashes.delete(head.seq - NEAR)
    if (head.seq === expected.head?.seq && head.hash !== expected.head.hash) return fail({ record: head.seq, what: 'altered' })
    if (line.record['event'] === UNCLOSED) unvouched.push([covers + 1, head.seq - 1])
    if (line.record['event'] === CHECKPOINT) [checkpoint, covers] = [head.seq, Number(line.record['covers'])]
  }
  if (head.seq < (expected.head?.seq ?? 0)) return fail({ record: head.seq + 1, what: 'removed' })
  const isClosed = head.seq > 0 && checkpoint === head.seq && covers === head.seq - 1
  return isClosed || expected.isOpen ? ok({ records: head.seq, signed: covers, unvouched, kids: [...kids] }) : fail({ record: head.seq, what: 'unclosed' })
}

function lineOf(text: string): Line {
  const parsed = parseJson(text)
  return { text, record: parsed.ok && isObject(parsed.value) ? parsed.value : {} }
}

/** What is wrong with the place of a line; a broken bond is laid to the record that its neighbours disown. */
async function breakAt({ text, record }: Line, next: Line | undefined, head: Head, read: Read): Promise<LogFault | undefined> {
  const expected = head.seq + 1
  const isBehindHead = record['prev'] === head.hash
  if (record['seq'] !== expected) return isBehindHead ? { record: expected, what: 'altered' } : await misplaced(record['seq'], next, expected, read)
  if (isBehindHead) return undefined
  const isBound = next === undefined ? record['head'] === record['prev'] : next.record['prev'] === sha256(text)
  return { record: isBound && head.seq > 0 ? head.seq : expected, what: 'altered' }
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

/** Checks a checkpoint; any other record is vouched for by what follows it. */
async function judge(
  { text, record }: Line,
  { seq }: Head,
  hashes: ReadonlyMap<number, string>,
  kids: Set<string>,
  expected: Expected,
): Promise<LogFault | undefined> {
  if (record['event'] !== CHECKPOINT) return undefined
  const covers = Number(record['covers'])
  const key = text === JSON.stringify(record) ? await signedBy(record, { seq: covers, hash: hashes.get(covers) ?? '' }) : undefined
  if (key === undefined) return { record: seq + 1, what: 'altered' }
  if (expected.kids?.has(key.kid) === false) return { record: seq + 1, what: 'foreign' }
  kids.add(key.kid)
  return undefined
}
