import type { Tally } from './tally.ts'

/** The sums of several tallies, sample by sample. */
export function sumOf(tallies: Iterable<Iterable<readonly [string, number]>>): Tally {
  const sum: Tally = new Map()
  for (const tally of tallies) for (const [sample, times] of tally) sum.set(sample, (sum.get(sample) ?? 0) + times)
  return sum
}
