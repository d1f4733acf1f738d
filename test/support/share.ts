/** `npm test -- --all` sets it; every other run does a share of what is generated at random. */
export const isWhole: boolean = process.env['ALL_TESTS'] !== undefined
const SHARE = 1 / 5

/** How many of the trials of a whole run this run does. */
export function shareOf(whole: number): number {
  return isWhole ? whole : Math.ceil(whole * SHARE)
}

/** The cases of a table that this run does; tables with different offsets leave out different ones. */
export function someOf<Case>(cases: readonly Case[], offset = 0): readonly Case[] {
  return isWhole ? cases : cases.filter((_case, at) => at % Math.round(1 / SHARE) === offset % Math.round(1 / SHARE))
}
