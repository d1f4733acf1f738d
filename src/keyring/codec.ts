import { isObject, type Json } from '../core/json.ts'
import { type Instant, instant, type Seconds, seconds } from '../core/time.ts'
import { parseKid, parsePublicJwk, type PublicJwk, thumbprintOf } from '../jose/jwk.ts'
import { parseSealed, type Sealed } from '../jose/kek.ts'
import type { HighWaterMarks } from './policy.ts'
import { list, oneOf, optional, type Read, record, reject } from './record.ts'
import type { ActiveKey, Key, LogHead, PastKey, Restored, RetiredKey, Ring, StandbyKey } from './ring.ts'

/** Writes a ring as JSON; private halves are in it as they were sealed. */
export function encodeRing({ generation, marks, keys, history, heads, restored }: Ring): string {
  return JSON.stringify({ generation, marks, keys, history, heads, restored })
}

/** Reads what `encodeRing` wrote. Every member is checked, none is repaired; a `KeyringFault` names the damaged one. */
export function decodeRing(root: Json | undefined): Ring {
  const ring = readRing(root, 'ring')
  // A ring without keys is never written; read as empty, it would be replaced by fresh keys.
  if (ring.keys.length === 0) reject('keys')
  const all = [...ring.keys, ...ring.history]
  if (all.some(({ jwk, imported }) => imported === undefined && jwk.kid !== thumbprintOf(jwk))) reject('kid')
  const kids = all.map(({ jwk }) => jwk.kid)
  const lines = ring.keys.filter(({ state }) => state !== 'retired').map(({ state, jwk }) => `${state} ${jwk.alg}`)
  for (const names of [kids, lines]) if (new Set<string>(names).size < names.length) reject('keys')
  return ring
}

const amount: Read<number> = (value, member) => typeof value === 'number' && value >= 0 ? value : reject(member)
const count: Read<number> = (value, member) => Number.isInteger(value) ? amount(value, member) : reject(member)
const length: Read<Seconds> = (value, member) => seconds(amount(value, member))
const moment: Read<Instant> = (value, member) => instant(amount(value, member))
const text: Read<string> = (value, member) => typeof value === 'string' ? value : reject(member)
/** Reads sealed bytes. */
export const sealed: Read<Sealed> = (value, member) => parseSealed(value) ?? reject(member)
const jwk: Read<PublicJwk> = (value) => {
  const parsed = parsePublicJwk(value, isObject(value) ? parseKid(value['kid']) : undefined)
  return parsed.ok ? parsed.value : reject(parsed.error)
}

const flag: Read<true | undefined> = optional((value, member) => value === true ? value : reject(member))
const origin = { separate: flag, imported: flag }

const started = { publishedAt: moment, activeAt: moment }

/** The members of a key in each state. */
const KEYS: ReadonlyMap<Json | undefined, Read<Key>> = new Map<Json | undefined, Read<Key>>([
  ['standby', record<StandbyKey>({ state: oneOf('standby'), jwk, sealed, publishedAt: optional(moment), ...origin })],
  ['active', record<ActiveKey>({ state: oneOf('active'), jwk, sealed, ...started, ...origin })],
  ['retired', record<RetiredKey>({ state: oneOf('retired'), jwk, ...started, retiredAt: optional(moment), ...origin })],
])

const key: Read<Key> = (value, member) => {
  const read = isObject(value) ? KEYS.get(value['state']) ?? reject('state') : reject(member)
  return read(value, member)
}

const pastKey: Read<PastKey> = record({
  jwk,
  imported: flag,
  publishedAt: optional(moment),
  activeAt: optional(moment),
  retiredAt: optional(moment),
  removedAt: moment,
  why: oneOf('retired', 'dropped', 'revoked'),
  reason: optional(text),
})

const marks: Read<HighWaterMarks> = record({ maxTtl: length, maxAge: length })
const head = record<LogHead>({ chain: text, place: text, seq: count, hash: text, at: moment })
const restored = record<Restored>({ at: moment, signsAt: moment, reason: text })
const readRing: Read<Ring> = record({
  generation: count,
  marks,
  keys: list(key),
  history: list(pastKey),
  heads: optional(list(head)),
  restored: optional(restored),
})
