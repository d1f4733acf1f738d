import { isObject, type Json, type JsonObject } from '../core/json.ts'

/** Who acts for a subject: a client of ours, or somebody whom another issuer names. */
export interface Actor extends JsonObject {
  readonly sub: string
}

/** What was exchanged eight times is exchanged no more: a token must stay readable. */
const MAX_ACTORS = 8
const MAX_NAME_BYTES = 1024

/**
 * The actors of a token, the latest first (RFC 8693 section 4.1); those of another issuer get its name, whatever they
 * said of themselves. Undefined if one of them has no right name.
 */
export function actorsOf(act: Json | undefined, issuer?: string): readonly Actor[] | undefined {
  const actors: Actor[] = []
  for (let one = act; one !== undefined; one = one['act']) {
    if (!isObject(one)) return undefined
    const { sub, iss = issuer } = one as Partial<JsonObject>
    if (!isName(sub) || actors.length > MAX_ACTORS) return undefined
    actors.push(iss === undefined ? { sub } : { iss: issuer ?? iss, sub })
  }
  return actors
}

/** The claim that nests these actors; undefined if there are more than eight. */
export function actClaim(actors: readonly Actor[]): JsonObject | undefined {
  if (actors.length > MAX_ACTORS) return undefined
  const nest = (act: JsonObject, actor: Actor): JsonObject => 'sub' in act ? { ...actor, act } : actor
  const act = actors.reduceRight<JsonObject>(nest, {})
  return actors.length === 0 ? {} : { act }
}

/** Whether it can name somebody: not too long, and without characters that hide, reorder or end a line. */
export function isName(raw: Json | undefined): raw is string {
  const isShort = typeof raw === 'string' && raw !== '' && Buffer.byteLength(raw) <= MAX_NAME_BYTES
  return isShort && !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(raw)
}
