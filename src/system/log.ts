import type { Writable } from 'node:stream'
import { type Emit, type Event, type Level, LEVELS } from '../core/event.ts'
import { printable } from '../core/printable.ts'
import { type Clock, timestamp } from '../core/time.ts'

const ORDER: readonly Level[] = ['debug', 'info', 'warning', 'error']

/** What a log needs. */
export interface LogDeps {
  readonly least: Level
  readonly now: Clock
  readonly write: (line: string) => void
}

/** So much is kept for a reader that is slower than the log. */
const MAX_UNREAD_BYTES = 1_048_576

/** Writes lines to a stream. What its reader is too slow for is dropped, and counted once it has read the rest. */
export function lineWriter(stream: Writable, onDropped: (lines: number) => void): (line: string) => void {
  let dropped = 0
  return (line) => {
    if (dropped === 0 && stream.writableLength < MAX_UNREAD_BYTES) return void stream.write(line)
    dropped += 1
    if (dropped > 1) return
    stream.once('drain', () => {
      const lines = dropped
      dropped = 0
      onDropped(lines)
    })
  }
}

/** One JSON object a line, for machines. */
export function jsonLog(deps: LogDeps): Emit {
  return leveled(deps, (level, time, { name, ...fields }) => JSON.stringify({ level, time, event: name, ...fields }))
}

/** Writes what is important enough, in a format. */
export function leveled(
  { least, now, write }: LogDeps,
  format: (level: Level, time: string, event: Event) => string,
): Emit {
  const threshold = ORDER.indexOf(least)
  return (event) => {
    const level = LEVELS.get(event.name) ?? 'info'
    if (ORDER.indexOf(level) >= threshold) write(`${printable(format(level, timestamp(now()), event))}\n`)
  }
}
