import { fail, ok, type Result } from '../core/result.ts'
import { after, type Instant } from '../core/time.ts'
import type { Kid, PublicJwk } from '../jose/jwk.ts'
import type { FreshKey } from '../jose/signer.ts'
import { type Move, remove, type RuleInput, setOf } from './moves.ts'
import { type HighWaterMarks, leastLead, raiseMarks } from './policy.ts'
import { type Key, type Ring, standbyOf } from './ring.ts'

/** A key of another issuer, and what verifiers hold of that issuer. */
export interface Import {
  /** Without its private half the key only verifies. */
  readonly key: FreshKey | { readonly jwk: PublicJwk; readonly sealed?: undefined }
  /** Since when the other issuer has published the key. */
  readonly publishedSince: Instant
  /** The longest lifetime of its tokens, and the max-age of its key set. */
  readonly marks: HighWaterMarks
}

/** Why a key is not taken. */
export type ImportFault =
  | { readonly code: 'known_key'; readonly kid: Kid }
  /** (1) does not hold yet: before that moment some cache may hold a set of the other issuer without the key. */
  | { readonly code: 'too_early'; readonly earliestSafeAt: Instant }

/**
 * The ring with a key of another issuer: active in an empty ring, else the standby of its line, which waits its whole
 * lead; retired if it is a public half. A standby that was there goes: it never signed.
 */
export function importing(
  ring: Ring,
  { key, publishedSince, marks }: Import,
  input: Pick<RuleInput, 'policy' | 'now' | 'watch'>,
): Result<Ring, ImportFault> {
  const known = [...ring.keys, ...ring.history].find(({ jwk }) => isSame(jwk, key.jwk))
  if (known !== undefined) return fail({ code: 'known_key', kid: known.jwk.kid })
  const raised = { ...ring, marks: raiseMarks(raiseMarks(ring.marks, marks), input.policy.timing) }
  const origin = { jwk: key.jwk, ...setOf(key, input.policy), imported: true } as const
  const stamps = { publishedAt: publishedSince, activeAt: publishedSince }
  if (key.sealed === undefined) {
    return ok(withKey(raised, { ...origin, ...stamps, state: 'retired', retiredAt: undefined }))
  }
  const { sealed } = key
  if (ring.keys.length > 0) {
    const next: Key = { ...origin, sealed, state: 'standby', publishedAt: undefined }
    return ok(withKey(withoutStandby(raised, key.jwk, { ...input, fresh: [], changes: [] }), next))
  }
  const safe = after(publishedSince, leastLead(input.policy.timing, raised.marks))
  if (input.now < safe) return fail({ code: 'too_early', earliestSafeAt: safe })
  return ok(withKey(raised, { ...origin, ...stamps, sealed, state: 'active' }))
}

/** Whether two keys share the name or the public half. */
function isSame(one: PublicJwk, other: PublicJwk): boolean {
  return one.kid === other.kid || material(one) === material(other)
}

/** The public half without the algorithm: one RSA key must not sign under two (RFC 8725 section 3.1). */
function material({ kid: _kid, use: _use, alg: _alg, ...members }: PublicJwk): string {
  return JSON.stringify(members)
}

function withKey(ring: Ring, key: Key): Ring {
  return { ...ring, keys: [...ring.keys, key] }
}

function withoutStandby(ring: Ring, { alg }: PublicJwk, move: Move): Ring {
  const standby = standbyOf(ring.keys, alg)
  return standby === undefined ? ring : remove(ring, { gone: [standby], why: 'dropped' }, move)
}
