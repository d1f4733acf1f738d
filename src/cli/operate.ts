import type { Config } from '../config/config.ts'
import { isObject, type Json, type JsonObject } from '../core/json.ts'
import { printable } from '../core/printable.ts'
import { instant } from '../core/time.ts'
import { timestamp } from '../system/clock.ts'
import { EXIT, refuse } from '../system/exit.ts'
import { askServer } from './admin-client.ts'

type Own = Readonly<Record<string, string>>

/** `jwksd keys`: what the running server publishes, and what becomes of it. */
export async function keys(config: Config, own: Own): Promise<void> {
  const answer = await askServer(config, 'GET', '/keys')
  if (answer === undefined) return
  process.stdout.write(own['json'] === undefined ? table(answer) : `${JSON.stringify(answer, undefined, 2)}\n`)
}

/** `jwksd rotate`: lets the standbys sign now. */
export async function rotate(config: Config, own: Own): Promise<void> {
  if (own['force'] !== undefined && own['reason'] === undefined) return refuse(EXIT.config, 'force: needs --reason')
  const alg = own['alg']?.split(',').map((name) => name.trim())
  const answer = await askServer(config, 'POST', '/rotate', { alg, ...insistence(own) })
  if (answer !== undefined) process.stdout.write(table(answer))
}

/** `jwksd revoke KID`: takes a key out of the set at once. */
export async function revoke(config: Config, kid: string, own: Own): Promise<void> {
  if (own['reason'] === undefined) return refuse(EXIT.config, 'reason: must be given; it goes into the public history')
  const answer = await askServer(config, 'POST', '/revoke', { kid, ...insistence(own) })
  if (answer === undefined) return
  const { exposure } = answer
  process.stdout.write(`Revoked. A verifier that honours its cache may still accept tokens of the key for ${String(exposure)} s.\n${table(answer)}`)
}

function insistence(own: Own): object {
  return { force: own['force'] !== undefined, reason: own['reason'] }
}

const HEADINGS = ['kid', 'alg', 'state', 'since', 'next', 'at', 'removed']

function table({ keys: list }: JsonObject): string {
  const rows = Array.isArray(list) ? list.filter(isObject).map(row) : []
  const all = [HEADINGS, ...rows]
  const widths = HEADINGS.map((_heading, at) => Math.max(...all.map((cells) => (cells[at] ?? '').length)))
  return all.map((cells) => `${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ').trimEnd()}\n`).join('')
}

function row({ kid, alg, state, since, next, next_at: nextAt, removed_at: removedAt }: JsonObject): readonly string[] {
  return [...[kid, alg, state].map(String), when(since), String(next), when(nextAt), when(removedAt)].map(printable)
}

function when(moment: Json | undefined): string {
  return typeof moment === 'number' ? timestamp(instant(moment)).replace('.000Z', 'Z') : '-'
}
