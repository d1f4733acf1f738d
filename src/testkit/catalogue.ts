import { distance } from '../core/nearest.ts'
import { CLAIM_CASES } from './claim-cases.ts'
import { FORM_CASES } from './form-cases.ts'
import { GOOD_CASES } from './good-cases.ts'
import { KEY_CASES } from './key-cases.ts'
import type { Case } from './kit.ts'

/**
 * Testkit: bad and unusual tokens, to try an API with. Read kit.ts (what a token is made of) first, then the four files
 * of cases; testing.ts is an issuer inside a test, probe/ tries a running API, simulate/ tries a configuration.
 */

/** Every case by its name. */
export const CATALOGUE: ReadonlyMap<string, Case> = new Map(
  [...GOOD_CASES, ...CLAIM_CASES, ...KEY_CASES, ...FORM_CASES].map((one) => [one.name, one]),
)

const MAX_NEAR_NAMES = 5

/** The known names most like an unknown one, the nearest first. */
export function namesNear(name: string): readonly string[] {
  const words = new Set(name.toLowerCase().split(/[^a-z0-9]+/))
  const sharedWords = (known: string): number => known.split('-').filter((word) => words.has(word)).length
  const score = (known: string): number => 10 * sharedWords(known) - distance(name, known)
  return [...CATALOGUE.keys()].toSorted((one, other) => score(other) - score(one)).slice(0, MAX_NEAR_NAMES)
}
