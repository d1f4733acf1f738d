import { fstatSync, readSync } from 'node:fs'

/** No record is longer: an event holds names and numbers, and its texts are bounded. */
const MAX_LINE_BYTES = 256 * 1024
const LINE_FEED = 0x0a
/** How every record begins. */
export const BEGIN = '{"seq":'

/** The last whole line of a file, and what follows it as Latin-1. */
export function tailOf(file: number): { readonly last: string | undefined; readonly torn: string } {
  const tail = blockBefore(file, fstatSync(file).size)
  const end = tail.lastIndexOf(LINE_FEED) + 1
  const whole = tail.subarray(0, Math.max(0, end - 1))
  const last = end === 0 ? undefined : whole.subarray(whole.lastIndexOf(LINE_FEED) + 1).toString()
  return { last, torn: tail.subarray(end).toString('latin1') }
}

/** The first line of a file; undefined if it has no whole line. */
export function firstLine(file: number): string | undefined {
  const block = blockBefore(file, Math.min(fstatSync(file).size, MAX_LINE_BYTES))
  const end = block.indexOf(LINE_FEED)
  return end < 0 ? undefined : block.subarray(0, end).toString()
}

/** The last whole line of a file that has a text in it, read from the end. */
export function lastLineWith(file: number, text: string): string | undefined {
  const wanted = Buffer.from(text)
  // Blocks overlap by half, so that a line lies whole in one of them.
  for (let end = fstatSync(file).size; end > 0; end -= MAX_LINE_BYTES) {
    const block = blockBefore(file, end, 2 * MAX_LINE_BYTES)
    const at = block.lastIndexOf(wanted)
    const to = at < 0 ? -1 : block.indexOf(LINE_FEED, at)
    if (to >= 0) return block.subarray(block.lastIndexOf(LINE_FEED, at) + 1, to).toString()
  }
  return undefined
}

function blockBefore(file: number, end: number, length: number = MAX_LINE_BYTES): Buffer {
  const block = Buffer.alloc(Math.min(end, length))
  return block.subarray(0, readSync(file, block, 0, block.length, end - block.length))
}
