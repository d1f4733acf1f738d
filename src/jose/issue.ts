import { encodeBase64url } from '../core/encoding.ts'
import type { Emit } from '../core/event.ts'
import type { JsonObject } from '../core/json.ts'
import type { RandomBytes } from '../core/random.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type Instant, numericDate, type Seconds } from '../core/time.ts'
import { sha256 } from './digest.ts'
import { signCompact, type Signer } from './signer.ts'

/** What every endpoint that issues tokens shares. */
export interface IssueDeps {
  readonly issuer: string
  /** Seconds that `nbf` lies before `iat`: at least what this clock may be ahead of a verifier's. */
  readonly backdate: Seconds
  /** Whether the record of every token so far is on the disk, once it is; undefined where no record is required. */
  readonly mayMint: (() => Promise<boolean>) | undefined
  readonly randomBytes: RandomBytes
  readonly emit: Emit
}

/** One token to issue. */
export interface TokenOrder {
  readonly signer: Signer
  /** The kinds of token we make, so that none can stand for another (RFC 8725 section 3.11). */
  readonly typ: 'JWT' | 'at+jwt'
  readonly sub: string
  readonly aud: string | readonly string[]
  readonly issuedAt: Instant
  readonly ttl: Seconds
  /** Claims besides the registered ones. */
  readonly claims: JsonObject
  /** Characters that the token may have. */
  readonly longest?: number
  /** Added to the audit record: the client that gets the token, or its case in the catalogue. */
  readonly recordedAs?: { readonly client?: string; readonly case?: string }
  /** Makes another token than the right one; undefined when the keys of this server do not allow it. */
  readonly make?: (claims: Claims) => Promise<MadeToken | undefined>
}

/** The claims of a right token. */
type Claims = JsonObject & Pick<TokenOrder, 'sub' | 'aud'> & { readonly iss: string; readonly exp: number }

/** A token, and what it states about itself. */
export interface MadeToken {
  readonly token: string
  readonly stated: { readonly kid?: string; readonly exp?: number }
}

/** The claims that the issuer alone decides (RFC 7519 section 4.1). */
export const ISSUER_CLAIMS: readonly string[] = ['iss', 'iat', 'nbf', 'exp', 'jti']

const JTI_BYTES = 16

/**
 * Makes a token, records it, and returns it only if the record was written. The failure is that the keys of this
 * server do not allow the token, that it would be too long, or that the audit log could not be written.
 */
export async function issue(
  order: TokenOrder,
  deps: IssueDeps,
): Promise<Result<MadeToken, 'unmakeable' | 'unrecorded'>> {
  const { signer: { alg }, sub, aud, ttl, recordedAs } = order
  const iat = numericDate(order.issuedAt)
  const jti = encodeBase64url(deps.randomBytes(JTI_BYTES))
  const registered = { iss: deps.issuer, sub, aud, iat, nbf: iat - deps.backdate, exp: iat + ttl, jti }
  const claims = { ...order.claims, ...registered }
  const made = await (order.make?.(claims) ?? signed(order, claims))
  if (made === undefined) return fail('unmakeable')
  deps.emit({ name: 'token.minted', ...made.stated, alg, jti, subject: sha256(`${jti}.${sub}`), aud, ...recordedAs })
  return await deps.mayMint?.() === false ? fail('unrecorded') : ok(made)
}

/** Undefined if the token would be longer than its order allows. */
async function signed(
  { signer: { alg, kid, sign }, typ, longest = Infinity }: TokenOrder,
  claims: Claims,
): Promise<MadeToken | undefined> {
  const token = await signCompact(JSON.stringify({ alg, kid, typ }), JSON.stringify(claims), sign)
  return token.length > longest ? undefined : { token, stated: { kid, exp: claims.exp } }
}
