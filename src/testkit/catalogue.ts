import { distance } from '../core/nearest.ts'
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
