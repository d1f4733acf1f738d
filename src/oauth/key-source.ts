import { type JsonObject, parseJsonBytes } from '../core/json.ts'
import { fail, type Result } from '../core/result.ts'
import { between, type Clock, type Instant } from '../core/time.ts'
import { openJwkSet } from '../jose/foreign-key.ts'
import type { Verifier } from '../jose/verifier.ts'
import { type JwtFault, type UncheckedJws, verifyJws } from '../jose/verify.ts'
import type { KeySource } from './client.ts'

/** Fetches a document of one of the configured addresses; undefined when it cannot be had. */
export type Fetch = (url: string) => Promise<Uint8Array | undefined>

/** Seconds: a set is asked for again after `FRESH`, relied on no longer than `STALE`, asked for at most every `PAUSE`. */
const FRESH = 300
const STALE = 86_400
const PAUSE = 30

/** Keys that are written down in the configuration. Undefined when they are no JWK Set with a usable key. */
export async function inlineKeys(raw: JsonObject): Promise<KeySource | undefined> {
  const keys = await openJwkSet(raw)
  return keys === undefined || keys.length === 0 ? undefined : { keys: async () => keys }
}

/**
 * The keys at a `jwks_uri`, kept for a while, and for longer while the address does not answer. Whatever requests say,
 * it is asked once at a time and at most every 30 s, so that nobody can make us hammer it.
 */
export function remoteKeys(url: string, fetchFrom: Fetch, now: Clock): KeySource {
  let known: readonly Verifier[] | undefined
  let [knownAt, askedAt] = [-Infinity as Instant, -Infinity as Instant]
  let asking: Promise<void> | undefined
  // A clock that steps back makes nothing younger.
  const age = (moment: Instant): number => Math.abs(between(moment, now()))
  const usable = (): readonly Verifier[] | undefined => age(knownAt) > STALE ? undefined : known
  const ask = async (): Promise<void> => {
    askedAt = now()
    const content = await fetchFrom(url)
    const root = content === undefined ? undefined : parseJsonBytes(content)
    const keys = root?.ok === true ? await openJwkSet(root.value) : undefined
    if (keys !== undefined) [known, knownAt] = [keys, askedAt]
  }
  return {
    keys: async (isMissing) => {
      const isDue = isMissing || age(knownAt) > FRESH
      if (isDue && age(askedAt) >= PAUSE) asking ??= ask().finally(() => { asking = undefined })
      // Whoever has no keys yet waits for them; whoever has some goes on with them, unless one is missing.
      if (usable() === undefined || isMissing) await asking
      return usable()
    },
  }
}

/** Checks a signature with the keys of a source, and asks it again when it seems to lack the key. */
export async function verifyBy(source: KeySource, jws: UncheckedJws): Promise<Result<JsonObject, JwtFault | 'keys'>> {
  const attempt = async (isMissing: boolean): Promise<Result<JsonObject, JwtFault | 'keys'>> => {
    const keys = await source.keys(isMissing)
    return keys === undefined ? fail('keys') : await verifyJws(jws, keys)
  }
  const first = await attempt(false)
  return !first.ok && first.error === 'kid' ? await attempt(true) : first
}
