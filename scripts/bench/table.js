/** @typedef {{ title: string, note: string, head: readonly string[], rows: readonly (readonly string[])[] }} Table */

/** A table as Markdown. @param {Table} table */
export function markdown({ title, note, head, rows }) {
  const line = (/** @type {readonly string[]} */ cells) => `| ${cells.join(' | ')} |`
  const rule = head.map((_, at) => at === 0 ? '---' : '---:')
  return [`### ${title}`, '', note, '', line(head), line(rule), ...rows.map(line), ''].join('\n')
}

/** A table for a terminal. @param {Table} table */
export function plain({ title, head, rows }) {
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((cells) => cells[at]?.length ?? 0)))
  const line = (/** @type {readonly string[]} */ cells) =>
    cells.map((cell, at) => at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)).join('  ')
  return [`\n${title}`, line(head), ...rows.map(line), ''].join('\n')
}

/** A whole number with a comma after each thousand; a dash for what was not measured. @param {number} number */
export function whole(number) {
  return Number.isFinite(number) ? Math.round(number).toLocaleString('en-US') : '–'
}

/** A number with two digits behind the point, or three significant ones. @param {number} number */
export function fine(number) {
  return Number.isFinite(number) ? number >= 100 ? number.toFixed(0) : number.toFixed(2) : '–'
}

/** Bytes as MiB. @param {number} bytes */
export function mebibytes(bytes) {
  return Number.isFinite(bytes) ? (bytes / 2 ** 20).toFixed(0) : '–'
}
