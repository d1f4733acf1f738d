import { isObject, type JsonObject, parseJson } from '../core/json.ts'
import { type Instant, instant } from '../core/time.ts'
import { sha256 } from '../jose/digest.ts'
import { type Head, NO_RECORD } from './chain.ts'
import type { LineFile } from './file.ts'

/** What a log knows about the ring whose servers write it. */
export interface KnownRing {
  readonly generation: number
  /** The version of its document. */
  readonly ring: string
}

/** A log as it was found in its file. */
export interface Found {
  readonly head: Head
  /** The id of the chain; undefined in a file without records. */
  readonly chain: string | undefined
  /** The number of the first record in the file, and its time. */
  readonly firstSeq: number
  readonly begunAt: Instant
  readonly ring: KnownRing | undefined
}

const NOTHING = { head: NO_RECORD, chain: undefined, firstSeq: 1, ring: undefined }

/** How every log begins. */
const FIRST = '{"seq":1,'

/** Reads where a log stands; throws for a file that is no log, which is neither extended nor cut. */
export function foundIn(file: LineFile, now: Instant): Found {
  const { first, last, torn } = file
  const isStart = FIRST.startsWith(torn.slice(0, FIRST.length))
  if (last === undefined && isStart) return { ...NOTHING, begunAt: now }
  const { seq } = recordOf(last)
  const begin = recordOf(first)
  if (typeof seq !== 'number' || typeof begin['seq'] !== 'number') throw new TypeError('it is not an audit log')
  return {
    head: { seq, hash: sha256(last ?? '') },
    chain: chainOf(first ?? ''),
    firstSeq: begin['seq'],
    begunAt: instant(new Date(String(begin['time'])).getTime() / 1000 || now),
    // Only records of the ring that is served have such a member: quotes inside of a text are escaped.
    ring: ringOf(recordOf(file.lastWith(',"ring":"'))),
  }
}

/** The id of the chain that a line begins or continues: its hash, if an earlier jwksd wrote it without an id. */
export function chainOf(first: string): string {
  const { chain } = recordOf(first)
  return typeof chain === 'string' ? chain : sha256(first)
}

/** The record in a line; a line that holds none reads as an empty one. */
export function recordOf(line: string | undefined): JsonObject {
  const parsed = parseJson(line ?? '')
  return parsed.ok && isObject(parsed.value) ? parsed.value : {}
}

function ringOf({ generation, ring }: JsonObject): KnownRing | undefined {
  return typeof generation === 'number' && typeof ring === 'string' ? { generation, ring } : undefined
}
