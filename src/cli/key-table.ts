import type { Json, JsonObject } from '../core/json.ts'
import { printable } from '../core/printable.ts'
import { type Instant, instant, timestamp } from '../core/time.ts'
import { systemClock } from '../system/clock.ts'
import type { Answer } from './admin-client.ts'
import { shortKid } from './kid-prefix.ts'
import { momentInWords } from './relative.ts'

const HEADINGS = ['kid', 'alg', 'state', 'since', 'next', 'at', 'removed']

const AHEAD = `! This time lies ahead of the clock of the server. Set the clock, or wait: nothing is done by such a time
  before the server has seen it for long enough (docs/rotation.md, "When a clock jumps").
`

/** The keys in the answer of a server as standard output takes them: short on a terminal, else whole. */
export function writeKeys(answer: Answer, before = ''): void {
  process.stdout.write(`${before}${keyTable(answer, process.stdout.isTTY ? systemClock() : undefined)}`)
}

/** The keys in the answer of a server, as a table; with `now`, kids are short and times relative to it. */
export function keyTable({ keys }: Answer, now?: Instant): string {
  const kids = keys.map(({ kid }) => String(kid))
  const nameOf = (kid: string): string => now === undefined ? kid : shortKid(kid, kids)
  const all = [HEADINGS, ...keys.map((key) => row(key, nameOf(String(key['kid'])), now))]
  const widths = HEADINGS.map((_heading, at) => Math.max(...all.map((cells) => (cells[at] ?? '').length)))
  const lines = all.map((cells) => cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ').trimEnd())
  return `${lines.join('\n')}\n${keys.some(({ ahead }) => ahead !== undefined) ? AHEAD : ''}`
}

function row(key: JsonObject, kid: string, now: Instant | undefined): readonly string[] {
  const { alg, state, since, ahead, next, next_at: nextAt, removed_at: removedAt } = key
  const [start = '', ...times] = [since, nextAt, removedAt].map((moment) => timeText(moment, now))
  const mark = ahead === undefined ? '' : ' !'
  return [kid, String(alg), String(state), `${start}${mark}`, String(next), ...times].map(printable)
}

function timeText(moment: Json | undefined, now: Instant | undefined): string {
  if (typeof moment !== 'number') return '-'
  return now === undefined ? timestamp(instant(moment)).replace('.000Z', 'Z') : momentInWords(instant(moment), now)
}
