import type { JsonObject } from '../core/json.ts'
import { sha256 } from '../jose/digest.ts'

/** The end of a log: the number of its last record, and the SHA-256 of that record's line. */
export interface Head {
  readonly seq: number
  readonly hash: string
}

/** The end of a log without records. */
export const NO_RECORD: Head = { seq: 0, hash: '' }

/** A record as the line that is written, without its line break, and the head that it makes. */
export interface Link {
  readonly line: string
  readonly head: Head
}

/** One record to write. */
export interface Entry {
  readonly event: string
  /** RFC 3339. */
  readonly time: string
  readonly fields: JsonObject
}

/** Links the next record to the head of the log. */
export function link(head: Head, { time, event, fields }: Entry): Link {
  const seq = head.seq + 1
  const line = JSON.stringify({ seq, time, event, ...fields, prev: head.hash })
  return { line, head: { seq, hash: sha256(line) } }
}
