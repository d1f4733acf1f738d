/** Reads tar streams as npm writes them (POSIX.1-1988 ustar, and pax records), to compare two of them. */

const BLOCK = 512

/**
 * One file of a stream: its name below the package, its mode and its bytes; `start` is where its header begins.
 * @typedef {{ readonly name: string, readonly mode: string, readonly content: Buffer, readonly header: Buffer }} Entry
 */

/**
 * The files of a tar stream in their order.
 * @param {Buffer} stream
 * @returns {Entry[]}
 */
export function entriesOf(stream) {
  const entries = []
  for (let at = 0; at + BLOCK <= stream.length && stream[at] !== 0;) {
    const header = stream.subarray(at, at + BLOCK)
    const size = Number.parseInt(text(header, 124, 12), 8)
    if (!Number.isSafeInteger(size) || at + BLOCK + size > stream.length) throw new Error(`The tar stream is damaged at byte ${at}`)
    const prefix = text(header, 345, 155)
    const name = `${prefix === '' ? '' : `${prefix}/`}${text(header, 0, 100)}`
    entries.push({ name, mode: text(header, 100, 8), content: stream.subarray(at + BLOCK, at + BLOCK + size), header })
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
  }
  return entries
}

/**
 * The first difference of two tar streams, as a sentence; undefined when they are equal byte for byte.
 * @param {Buffer} ours
 * @param {Buffer} theirs
 * @returns {string | undefined}
 */
export function firstDifference(ours, theirs) {
  if (ours.equals(theirs)) return undefined
  const [expected, found] = [entriesOf(ours), entriesOf(theirs)]
  for (let at = 0; at < Math.max(expected.length, found.length); at += 1) {
    const problem = differenceOf(expected[at], found[at], { expected, found })
    if (problem !== undefined) return problem
  }
  return 'The bytes behind the last file differ'
}

/**
 * @param {Entry | undefined} one
 * @param {Entry | undefined} other
 * @param {{ expected: readonly Entry[], found: readonly Entry[] }} all
 */
function differenceOf(one, other, { expected, found }) {
  const has = (/** @type {readonly Entry[]} */ list, /** @type {Entry} */ { name }) => list.some((entry) => entry.name === name)
  if (one !== undefined && !has(found, one)) return `${one.name} is missing`
  if (other !== undefined && !has(expected, other)) return `${other.name} is not part of the release`
  if (one === undefined || other === undefined || one.name !== other.name) {
    return `${(other ?? one)?.name} is in another place of the tarball, or in it twice`
  }
  if (!one.content.equals(other.content)) return `${one.name} has other bytes, from ${placeOf(one.content, other.content)} on`
  if (one.mode !== other.mode) return `${one.name} has mode ${other.mode.trim()} and not ${one.mode.trim()}`
  return one.header.equals(other.header) ? undefined : `${one.name} has another header`
}

/**
 * @param {Buffer} one
 * @param {Buffer} other
 */
function placeOf(one, other) {
  const at = one.findIndex((byte, index) => byte !== other[index])
  return `byte ${at === -1 ? one.length : at}`
}

/**
 * @param {Buffer} header
 * @param {number} start
 * @param {number} length
 */
function text(header, start, length) {
  return header.toString('latin1', start, start + length).replace(/\0[\s\S]*$/, '')
}
