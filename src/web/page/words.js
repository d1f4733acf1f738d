/** Times in words, for the server and for the browser. */

/** @type {readonly (readonly [string, number])[]} */
const UNITS = [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]]

/**
 * A length in its two largest units.
 * @param {number} seconds
 */
export function lengthInWords(seconds) {
  let rest = Math.round(Math.abs(seconds))
  const parts = UNITS.map(([unit, size]) => {
    const count = Math.floor(rest / size)
    rest -= count * size
    return { count, text: `${count} ${unit}` }
  })
  const first = parts.findIndex(({ count }) => count > 0)
  if (first < 0) return '0 s'
  return parts.slice(first, first + 2).filter(({ count }) => count > 0).map(({ text }) => text).join(' ')
}

/**
 * A moment as people tell it: `in 3 d 4 h`, `20 s ago`.
 * @param {number} at
 * @param {number} now
 */
export function momentInWords(at, now) {
  return at >= now ? `in ${lengthInWords(at - now)}` : `${lengthInWords(now - at)} ago`
}

/**
 * A moment in UTC, to the second; the bare number where no calendar has it.
 * @param {number} at
 */
export function utc(at) {
  const date = new Date(at * 1000)
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString().replace('T', ' ').replace(/\.\d+Z/, ' UTC')
}
