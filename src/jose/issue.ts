import type { Emit } from '../core/event.ts'
import type { JsonObject } from '../core/json.ts'
import type { RandomBytes } from '../core/random.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { Instant, Seconds } from '../core/time.ts'
import { sha256 } from './digest.ts'
import { type Registered, registeredClaims, signJwt, type TokenType } from './jwt.ts'
import type { Signer } from './signer.ts'

/** What every endpoint that issues tokens shares. */
export interface IssueDeps {
  readonly issuer: string
  /** Seconds that `nbf` lies before `iat`. */
  readonly backdate: Seconds
  /** Whether the record of every token so far could be written, if it must be. */
  readonly mayMint: () => boolean
  readonly randomBytes: RandomBytes
  readonly emit: Emit
}

/** One token to issue. */
export interface TokenOrder {
  readonly signer: Signer
  readonly typ: TokenType
  readonly sub: string
  readonly aud: string | readonly string[]
  readonly issuedAt: Instant
  readonly ttl: Seconds
  /** Claims besides the registered ones. */
  readonly claims: JsonObject
  /** Stands in the record: the client that gets the token, or the case of the catalogue that it is. */
  readonly recordedAs?: { readonly client?: string; readonly case?: string }
  /** Makes another token than the right one; undefined when the keys of this server do not allow it. */
  readonly make?: (registered: Registered) => Promise<MadeToken | undefined>
}

/** A token, and what it states about itself. */
export interface MadeToken {
  readonly token: string
  readonly stated: { readonly kid?: string; readonly exp?: number }
}

/** Why no token was issued: the keys of this server do not allow it, or the audit log could not be written. */
export type IssueFault = 'unmakeable' | 'unrecorded'

/** Makes a token, records it, and hands it out only if the record was written. */
export async function issue(order: TokenOrder, deps: IssueDeps): Promise<Result<MadeToken, IssueFault>> {
  const { signer: { alg }, sub, aud, issuedAt, ttl, make = signed(order), recordedAs } = order
  const { issuer, backdate, randomBytes, emit, mayMint } = deps
  const registered = registeredClaims({ iss: issuer, sub, aud }, { issuedAt, ttl, backdate }, randomBytes)
  const made = await make(registered)
  if (made === undefined) return fail('unmakeable')
  const { jti } = registered
  emit({ name: 'token.minted', ...made.stated, alg, jti, subject: sha256(`${jti}.${sub}`), aud, ...recordedAs })
  return mayMint() ? ok(made) : fail('unrecorded')
}

function signed({ signer, typ, claims }: TokenOrder): (registered: Registered) => Promise<MadeToken> {
  return async (registered) => {
    const token = await signJwt(signer, { typ, registered, others: claims })
    return { token, stated: { kid: signer.kid, exp: registered.exp } }
  }
}
