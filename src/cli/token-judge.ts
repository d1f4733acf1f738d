import type { JsonObject } from '../core/json.ts'
import { between, type Instant, instant, type Seconds } from '../core/time.ts'
import { audiencesOf } from '../jose/verify.ts'
import { lengthInWords, momentInWords } from './relative.ts'
import { visibleJson } from './visible.ts'

/** What the claims of a token must be; without `audience` every one is accepted. */
export interface Wanted {
  readonly issuer: string
  readonly audience: string | undefined
  readonly now: Instant
  /** Seconds that the issuer's clock may be ahead of ours; they do not prolong `exp`. */
  readonly clockError: Seconds
}

/** One claim at fault, and why in words. */
export interface Reason {
  readonly reason: string
  readonly message: string
}

/** Every claim at fault of a token whose signature holds (RFC 7519 section 4.1). */
export function claimFaults(claims: JsonObject, wanted: Wanted): readonly Reason[] {
  const faults = [
    ['iss', issuerFault(claims, wanted)], ['aud', audienceFault(claims, wanted)], ['exp', expiryFault(claims, wanted)],
    ['nbf', clockFault('nbf', claims, wanted)], ['iat', clockFault('iat', claims, wanted)],
  ] as const
  return faults.flatMap(([reason, message]) => message === undefined ? [] : [{ reason, message }])
}

function issuerFault({ iss }: JsonObject, { issuer }: Wanted): string | undefined {
  return iss === issuer ? undefined : `iss is ${shown(iss)} but must be ${shown(issuer)}`
}

function audienceFault({ aud }: JsonObject, { audience }: Wanted): string | undefined {
  if (audience === undefined || audiencesOf(aud).includes(audience)) return undefined
  return `aud is ${shown(aud)} but must be or hold ${shown(audience)}`
}

function expiryFault({ exp }: JsonObject, { now }: Wanted): string | undefined {
  if (exp === undefined) return 'exp is missing: the token would never expire'
  if (typeof exp !== 'number') return `exp is ${shown(exp)} but must be a number of seconds`
  return exp > now ? undefined : `expired ${lengthInWords(between(instant(exp), now))} ago`
}

function clockFault(name: 'nbf' | 'iat', claims: JsonObject, { now, clockError }: Wanted): string | undefined {
  const moment = claims[name]
  if (moment === undefined) return undefined
  if (typeof moment !== 'number') return `${name} is ${shown(moment)} but must be a number of seconds`
  if (moment <= now + clockError) return undefined
  const when = momentInWords(instant(moment), now)
  return `${name} lies ahead (${when}): compare the clocks of this machine and of the issuer, or raise --clock-error`
}

/** A claim as it is shown; one that is missing says so. */
function shown(value: unknown): string {
  return value === undefined ? 'missing' : visibleJson(value)
}
