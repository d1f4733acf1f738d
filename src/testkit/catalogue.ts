import { CLAIM_CASES } from './claim-cases.ts'
import { FORM_CASES } from './form-cases.ts'
import { GOOD_CASES } from './good-cases.ts'
import { KEY_CASES } from './key-cases.ts'
import type { Case } from './kit.ts'

/** Every kind of token that an API should be tried with, by name. */
export const CATALOGUE: ReadonlyMap<string, Case> = new Map(
  [...GOOD_CASES, ...CLAIM_CASES, ...KEY_CASES, ...FORM_CASES].map((one) => [one.name, one]),
)

const NEAR = 5

/** The names that are most like one that there is not, the nearest first. */
export function namesNear(name: string): readonly string[] {
  const words = new Set(name.toLowerCase().split(/[^a-z0-9]+/))
  const score = (known: string): number => known.split('-').filter((word) => words.has(word)).length * 10 - distance(name, known)
  return [...CATALOGUE.keys()].toSorted((one, other) => score(other) - score(one)).slice(0, NEAR)
}

/** How many characters must be changed, added or taken away (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_none, at) => at)
  for (let at = 1; at <= one.length; at += 1) {
    const next = [at]
    for (let to = 1; to <= other.length; to += 1) {
      const change = (row[to - 1] ?? 0) + (one[at - 1] === other[to - 1] ? 0 : 1)
      next.push(Math.min(change, (row[to] ?? 0) + 1, (next[to - 1] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
