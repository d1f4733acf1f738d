import { type Seconds, seconds } from './time.ts'

const UNITS: ReadonlyMap<string, number> = new Map([['d', 86_400], ['h', 3600], ['m', 60], ['s', 1]])
const MAX_SECONDS = 10 * 366 * 86_400

/** Reads `90s`, `15m`, `48h`, `7d` or `0`; undefined for anything else, and beyond ten years. */
export function parseDuration(text: string): Seconds | undefined {
  if (text === '0') return seconds(0)
  const [, count, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  const length = Number(count) * (UNITS.get(unit) ?? NaN)
  return length <= MAX_SECONDS ? seconds(length) : undefined
}

/** Writes a length in the largest unit that divides it, as `parseDuration` reads it. */
export function formatDuration(length: Seconds): string {
  const [unit, size] = [...UNITS].find(([, each]) => length >= each && length % each === 0) ?? ['s', 1]
  return length === 0 ? '0' : `${length / size}${unit}`
}
