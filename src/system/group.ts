import { readPlain } from './plain-file.ts'

/** Where the groups of this machine stand. */
export const GROUPS = '/etc/group'

/** The number of a group of this machine, by its name or number; undefined when the file of groups names none. */
export function groupNumber(group: string): number | undefined {
  if (/^\d{1,9}$/.test(group)) return Number(group)
  const [, , digits] = lineOf(group)?.split(':') ?? []
  return digits === undefined ? undefined : Number(digits)
}

function lineOf(group: string): string | undefined {
  try {
    return readPlain(GROUPS).split('\n').find((line) => line.startsWith(`${group}:`))
  } catch {
    return undefined
  }
}
