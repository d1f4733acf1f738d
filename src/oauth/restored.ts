import type { JsonObject } from '../core/json.ts'
import type { Seconds } from '../core/time.ts'
import type { Context } from './rules.ts'

/**
 * Whether a JWT with an identifier may have been made before an older ring came back: the mark of its use may be lost.
 * One without `iat` is taken to be as old as its `exp` allows; `longest` is the lifetime that it may have.
 */
export function isFromBefore(
  { iat, exp }: Partial<JsonObject>,
  { snapshot: { ring: { restored } }, deps: { skew } }: Context,
  longest: Seconds,
): boolean {
  const madeAt = typeof iat === 'number' ? iat : Number(exp) - longest
  return restored !== undefined && madeAt < restored.at + skew
}
