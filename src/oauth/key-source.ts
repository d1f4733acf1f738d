import { type Json, type JsonObject, parseJsonBytes } from '../core/json.ts'
import { isLoopbackHost } from '../core/loopback.ts'
import { fail, type Result } from '../core/result.ts'
import { between, type Clock, type Instant } from '../core/time.ts'
import { type Drop, openJwkSet, privateMember } from '../jose/foreign-key.ts'
import type { Verifier } from '../jose/jwk.ts'
import { type JwtFault, type UncheckedJws, verifyJws } from '../jose/verify.ts'
import type { KeyRules, KeySource } from './client.ts'
import { Wrong } from './members.ts'

/** Fetches a document of one of the configured addresses; undefined when that fails. */
export type Fetch = (url: string) => Promise<Uint8Array | undefined>

/** How the keys at an address are found; `drop` learns of those that cannot be used. */
export interface RemoteDeps {
  readonly fetchFrom: Fetch
  readonly now: Clock
  readonly drop?: Drop
}

/** A key set is fetched again after this time, is used no longer than this, and is fetched at most this often. */
const FRESH_SECONDS = 300
const STALE_SECONDS = 86_400
const RETRY_SECONDS = 30

/** Reads where a client or an issuer has its keys: in `jwks`, or at `jwks_uri`. Rejects with `Wrong`. */
export async function readKeys(
  { jwks, jwks_uri: url }: JsonObject,
  at: string,
  { remote, dropped }: KeyRules,
): Promise<KeySource> {
  if ((jwks === undefined) === (url === undefined)) throw new Wrong(`${at} must have jwks or jwks_uri`)
  const secret = privateMember(jwks)
  if (secret !== undefined) throw new Wrong(`${at}.jwks must hold public keys alone: it has the private "${secret}"`)
  if (url === undefined) {
    const keys = await openJwkSet(jwks, (place, member) => dropped?.(at, place, member)) ?? []
    if (keys.length === 0) throw new Wrong(`${at}.jwks must hold a public key that can be used`)
    return async () => keys
  }
  if (isSafeUrl(url)) return await remote(url)
  throw new Wrong(`${at}.jwks_uri must be an https URL; http is for loopback addresses`)
}

/** Whether keys may be fetched from there: an https URL without credentials, or http to this machine. */
function isSafeUrl(text: Json): text is string {
  if (typeof text !== 'string' || !URL.canParse(text)) return false
  const { protocol, host, username, password } = new URL(text)
  return username === '' && password === '' && (protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(host)))
}

/**
 * The keys at a `jwks_uri`, cached, and for longer while the address does not answer. There is one fetch at a time,
 * and at most one in 30 s, so that requests to this server cannot flood the address.
 */
export function remoteKeys(url: string, { fetchFrom, now, drop }: RemoteDeps): KeySource {
  let known: readonly Verifier[] | undefined
  let [knownAt, askedAt] = [-Infinity as Instant, -Infinity as Instant]
  let asking: Promise<void> | undefined
  // A clock that steps back makes nothing younger.
  const age = (moment: Instant): number => Math.abs(between(moment, now()))
  const usable = (): readonly Verifier[] | undefined => age(knownAt) > STALE_SECONDS ? undefined : known
  const ask = async (): Promise<void> => {
    askedAt = now()
    const content = await fetchFrom(url)
    const root = content === undefined ? undefined : parseJsonBytes(content)
    const keys = root?.ok === true ? await openJwkSet(root.value, drop) : undefined
    if (keys !== undefined) [known, knownAt] = [keys, askedAt]
  }
  return async (isMissing) => {
    const isDue = isMissing || age(knownAt) > FRESH_SECONDS
    if (isDue && age(askedAt) >= RETRY_SECONDS) asking ??= ask().finally(() => { asking = undefined })
    // A request waits for the first keys, and for a missing one; else it uses the keys that are known.
    if (usable() === undefined || isMissing) await asking
    return usable()
  }
}

/** Checks a signature with the keys of a source, and asks it again when it seems to lack the key. */
export async function verifyBy(source: KeySource, jws: UncheckedJws): Promise<Result<JsonObject, JwtFault | 'keys'>> {
  const known = await source(false)
  const first: Result<JsonObject, JwtFault | 'keys'> = known === undefined ? fail('keys') : await verifyJws(jws, known)
  if (first.ok || first.error !== 'kid') return first
  const fresh = await source(true)
  return fresh === undefined ? fail('keys') : await verifyJws(jws, fresh)
}
