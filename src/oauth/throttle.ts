import type { ClientFault } from '../core/event.ts'
import { fail, type Result } from '../core/result.ts'
import { after, between, type Instant, type Seconds, seconds } from '../core/time.ts'
import { sha256 } from '../jose/digest.ts'
import { type OAuthFault, refused, TOO_MANY, unavailable } from './fault.ts'
import type { Context, Failures } from './rules.ts'

/** This file is loaded when the first client fails to authenticate. */

/** After this many failures in one window a name must wait for the end of the window. */
const MAX_FAILURES = 10
const WINDOW_SECONDS = seconds(60)
/** Names that are remembered at most: the latest. */
const MAX_NAMES = 10_000

const NOT_PROVED = refused('invalid_client', 'The client is not registered, or its authentication failed')

/** Records and refuses a request whose evidence is malformed, or names what no client can be called. */
export function refuseNameless(
  evidence: Result<unknown, OAuthFault>,
  { request: { address, now }, deps: { failures, emit } }: Context,
): Result<never, OAuthFault> {
  const isQuiet = throttle(`${address} `, failures, now) !== undefined
  const reason = evidence.ok ? 'unregistered' : 'credentials'
  if (!isQuiet) emit({ name: 'client.refused', client: 'unknown', address, reason })
  return evidence.ok ? NOT_PROVED : evidence
}

/** Records and refuses a request that does not prove to come from the client of this name. */
export function refuseClient(
  id: string,
  reason: ClientFault,
  { request: { address, now }, deps: { failures, emit }, registry }: Context,
): Result<never, OAuthFault> {
  // Only what failed is throttled: nobody can lock a client out by failing in its name.
  const retryAfter = reason === 'full' ? undefined : throttle(`${address} ${id}`, failures, now)
  if (retryAfter !== undefined) {
    const description = 'Too many attempts failed; try again later'
    return fail({ code: 'temporarily_unavailable', description, retryAfter, status: 429 })
  }
  // An unregistered name is not recorded: it could be a secret in the wrong place.
  emit({ name: 'client.refused', client: registry.clients.has(id) ? id : 'unknown', address, reason })
  return reason === 'full' ? unavailable(TOO_MANY) : NOT_PROVED
}

/** Counts a failed attempt under a name; returns the seconds to wait when there were too many before. */
export function throttle(name: string, failures: Failures, now: Instant): Seconds | undefined {
  // A stranger chooses the name, and with it how much would be remembered.
  const key = sha256(name)
  const found = failures.get(key)
  const isOpen = found !== undefined && found.until > now
  const { count, until } = isOpen ? found : { count: 0, until: after(now, WINDOW_SECONDS) }
  if (count >= MAX_FAILURES) return seconds(Math.max(1, Math.ceil(between(now, until))))
  failures.delete(key)
  failures.set(key, { count: count + 1, until })
  const [oldest] = failures.keys()
  if (failures.size > MAX_NAMES && oldest !== undefined) failures.delete(oldest)
  return undefined
}
