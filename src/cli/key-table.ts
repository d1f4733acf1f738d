import { isObject, type Json, type JsonObject } from '../core/json.ts'
import { printable } from '../core/printable.ts'
import { instant, timestamp } from '../core/time.ts'

const HEADINGS = ['kid', 'alg', 'state', 'since', 'next', 'at', 'removed']

/** The keys in the answer of a server, as a table. */
export function keyTable({ keys: list }: JsonObject): string {
  const rows = Array.isArray(list) ? list.filter(isObject).map(row) : []
  const all = [HEADINGS, ...rows]
  const widths = HEADINGS.map((_heading, at) => Math.max(...all.map((cells) => (cells[at] ?? '').length)))
  return all.map((cells) => `${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ').trimEnd()}\n`).join('')
}

function row({ kid, alg, state, since, next, next_at: nextAt, removed_at: removedAt }: JsonObject): readonly string[] {
  const [known, times] = [[kid, alg, state].map(String), [nextAt, removedAt].map(timeText)]
  return [...known, timeText(since), String(next), ...times].map(printable)
}

function timeText(moment: Json | undefined): string {
  return typeof moment === 'number' ? timestamp(instant(moment)).replace('.000Z', 'Z') : '-'
}
