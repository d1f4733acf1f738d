import { printable } from '../core/printable.ts'

/** A JSON value on one line, of which a terminal shows every character. */
export function visibleJson(value: unknown): string {
  return printable(JSON.stringify(value))
}
