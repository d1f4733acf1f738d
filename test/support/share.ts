/** `npm test -- --all` sets it; every other run does a share of what is generated at random. */
const isWhole = process.env['ALL_TESTS'] !== undefined
const SHARE = 1 / 5

/** How many of the trials of a whole run this run does. */
export function shareOf(whole: number): number {
  return isWhole ? whole : Math.ceil(whole * SHARE)
}
