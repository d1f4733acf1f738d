import type { Json, JsonObject } from '../core/json.ts'
import { printable } from '../core/printable.ts'
import { instant, timestamp } from '../core/time.ts'
import type { Answer } from './admin-client.ts'

const HEADINGS = ['kid', 'alg', 'state', 'since', 'next', 'at', 'removed']

const AHEAD = `! This time lies ahead of the clock of the server. Set the clock, or wait: nothing is done by such a time
  before the server has seen it for long enough (docs/rotation.md, "When a clock jumps").
`

/** The keys in the answer of a server, as a table. */
export function keyTable({ keys }: Answer): string {
  const all = [HEADINGS, ...keys.map(row)]
  const widths = HEADINGS.map((_heading, at) => Math.max(...all.map((cells) => (cells[at] ?? '').length)))
  const lines = all.map((cells) => cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ').trimEnd())
  return `${lines.join('\n')}\n${keys.some(({ ahead }) => ahead !== undefined) ? AHEAD : ''}`
}

function row(key: JsonObject): readonly string[] {
  const { kid, alg, state, since, ahead, next, next_at: nextAt, removed_at: removedAt } = key
  const [known, times] = [[kid, alg, state].map(String), [nextAt, removedAt].map(timeText)]
  return [...known, `${timeText(since)}${ahead === undefined ? '' : ' !'}`, String(next), ...times].map(printable)
}

function timeText(moment: Json | undefined): string {
  return typeof moment === 'number' ? timestamp(instant(moment)).replace('.000Z', 'Z') : '-'
}
