import { isObject, type Json, type JsonObject } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type Instant, instant, type Seconds, seconds } from '../core/time.ts'
import { parsePublicJwk, type PublicJwk } from '../jose/jwk.ts'
import { parseSealed, type Sealed } from '../jose/kek.ts'
import type { HighWaterMarks } from './policy.ts'
import type { Key, PastKey, Ring } from './ring.ts'

/** Writes a ring as JSON; private halves are in it as they were sealed. */
export function encodeRing({ generation, marks, keys, history }: Ring): string {
  return JSON.stringify({ generation, marks, keys, history })
}

/** Reads what `encodeRing` wrote; every member is checked, nothing is repaired, and the failure names the member. */
export function decodeRing(root: Json | undefined): Result<Ring, string> {
  if (!isObject(root)) return fail('ring')
  try {
    const { keys, history } = readKeys(root)
    return ok({ generation: readGeneration(root), marks: readMarks(root['marks']), keys, history })
  } catch (error) {
    if (error instanceof Damaged) return fail(error.member)
    throw error
  }
}

class Damaged extends Error {
  override readonly name = 'Damaged'
  readonly member: string

  constructor(member: string) {
    super(`Cannot read ${member}`)
    this.member = member
  }
}

function readMarks(raw: Json | undefined): HighWaterMarks {
  if (!isObject(raw)) throw new Damaged('marks')
  return { maxTtl: readSeconds(raw, 'maxTtl'), maxAge: readSeconds(raw, 'maxAge') }
}

function readGeneration(root: JsonObject): number {
  const generation = root['generation']
  if (typeof generation !== 'number' || !Number.isInteger(generation) || generation < 0) throw new Damaged('generation')
  return generation
}

function readKeys(root: JsonObject): Pick<Ring, 'keys' | 'history'> {
  const keys = readList(root, 'keys').map(readKey)
  const history = readList(root, 'history').map(readPast)
  // A ring without keys is never written: reading one as empty would start afresh over what was lost.
  if (keys.length === 0) throw new Damaged('keys')
  const kids = [...keys, ...history].map(({ jwk }) => jwk.kid)
  const lines = keys.filter(({ state }) => state !== 'retired').map(({ state, jwk }) => `${state} ${jwk.alg}`)
  for (const names of [kids, lines]) if (new Set<string>(names).size < names.length) throw new Damaged('keys')
  return { keys, history }
}

function readList(from: JsonObject, member: string): readonly Json[] {
  const list = from[member]
  if (!Array.isArray(list)) throw new Damaged(member)
  return list
}

/** The members of a key in each state; another member would be read by nobody, and so belongs to no key of ours. */
const MEMBERS: ReadonlyMap<Json | undefined, readonly string[]> = new Map([
  ['standby', ['state', 'jwk', 'sealed', 'publishedAt']],
  ['active', ['state', 'jwk', 'sealed', 'publishedAt', 'activeAt']],
  ['retired', ['state', 'jwk', 'publishedAt', 'activeAt', 'retiredAt']],
  [undefined, ['jwk', 'publishedAt', 'activeAt', 'retiredAt', 'removedAt', 'why', 'reason']],
])

function readRecord(raw: Json, member: string): JsonObject {
  if (!isObject(raw)) throw new Damaged(member)
  const stray = Object.keys(raw).find((name) => MEMBERS.get(raw['state'])?.includes(name) === false)
  if (stray !== undefined) throw new Damaged(stray)
  return raw
}

function readPast(item: Json): PastKey {
  const raw = readRecord(item, 'history')
  const { why, reason } = raw as Partial<JsonObject>
  if (why !== 'retired' && why !== 'dropped' && why !== 'revoked') throw new Damaged('why')
  if (reason !== undefined && typeof reason !== 'string') throw new Damaged('reason')
  return {
    jwk: readJwk(raw['jwk']),
    publishedAt: readOptional(raw, 'publishedAt'),
    activeAt: readOptional(raw, 'activeAt'),
    retiredAt: readOptional(raw, 'retiredAt'),
    removedAt: readInstant(raw, 'removedAt'),
    why,
    reason,
  }
}

function readKey(item: Json): Key {
  const raw = readRecord(item, 'keys')
  const jwk = readJwk(raw['jwk'])
  switch (raw['state']) {
    case 'standby':
      return { state: 'standby', jwk, sealed: readKeyHalf(raw['sealed']), publishedAt: readOptional(raw, 'publishedAt') }
    case 'active': {
      const since = { publishedAt: readInstant(raw, 'publishedAt'), activeAt: readInstant(raw, 'activeAt') }
      return { state: 'active', jwk, sealed: readKeyHalf(raw['sealed']), ...since }
    }
    case 'retired': {
      const since = { publishedAt: readInstant(raw, 'publishedAt'), activeAt: readInstant(raw, 'activeAt') }
      return { state: 'retired', jwk, ...since, retiredAt: readOptional(raw, 'retiredAt') }
    }
    default:
      throw new Damaged('state')
  }
}

function readJwk(raw: Json | undefined): PublicJwk {
  const jwk = parsePublicJwk(raw)
  if (!jwk.ok) throw new Damaged(jwk.error)
  return jwk.value
}

function readKeyHalf(raw: Json | undefined): Sealed {
  const sealed = parseSealed(raw)
  if (sealed === undefined) throw new Damaged('sealed')
  return sealed
}

function readSeconds(from: JsonObject, member: string): Seconds {
  const length = from[member]
  if (typeof length !== 'number' || length < 0) throw new Damaged(member)
  return seconds(length)
}

function readInstant(from: JsonObject, member: string): Instant {
  return instant(readSeconds(from, member))
}

function readOptional(from: JsonObject, member: string): Instant | undefined {
  return from[member] === undefined ? undefined : readInstant(from, member)
}
