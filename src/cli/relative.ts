import { between, type Instant, type Seconds } from '../core/time.ts'

const UNITS = [['d', 86_400], ['h', 3600], ['min', 60], ['s', 1]] as const

/** A length of time in its two largest units, such as `2 d 4 h`; fractions of a second are cut off. */
export function lengthInWords(length: Seconds): string {
  let rest = Math.floor(Math.abs(length))
  const start = UNITS.findIndex(([, size]) => rest >= size)
  const words = UNITS.slice(start, start === -1 ? undefined : start + 2).map(([unit, size]) => {
    const count = Math.floor(rest / size)
    rest %= size
    return count > 0 ? `${count} ${unit}` : ''
  })
  return words.filter((word) => word !== '').join(' ') || '0 s'
}

/** Where a moment lies as seen from now: `in 5 min`, `3 s ago` or `now`. */
export function momentInWords(moment: Instant, now: Instant): string {
  const ahead = between(now, moment)
  if (Math.abs(ahead) < 1) return 'now'
  return ahead > 0 ? `in ${lengthInWords(ahead)}` : `${lengthInWords(ahead)} ago`
}
