import type { Json, JsonObject } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type Seconds, seconds } from '../core/time.ts'
import { sha256 } from '../jose/digest.ts'
import { openVerifier, type PublicJwk, type Verifier } from '../jose/jwk.ts'
import { type JwtFault, judgeClaims, type UncheckedJws, verifyJws } from '../jose/verify.ts'
import type { Identifier } from './jti-store.ts'
import type { Context } from './rules.ts'

/** The types of the tokens that we make. */
const TYPES: ReadonlySet<string> = new Set(['at+jwt', 'jwt'])

/** Verifiers of the keys of our rings: opened once, and kept as long as the ring that has the key. */
const open = new WeakMap<PublicJwk, Promise<Verifier>>()

/** The claims of a token of ours that is in force: signed by a key that is published now, unexpired, not revoked. */
export async function checkOwnToken(
  jws: UncheckedJws,
  context: Context,
): Promise<Result<JsonObject, JwtFault | 'revoked'>> {
  const claims = await readOwnToken(jws, context, context.snapshot.ring.marks.maxTtl)
  if (!claims.ok) return claims
  const { iat } = claims.value
  const isRevoked = await context.deps.jtis.isRevoked(lineOf(claims.value), typeof iat === 'number' ? iat : 0)
  return isRevoked ? fail('revoked') : claims
}

/**
 * The same, without a look for a revocation, and with any lifetime: another replica may have turned a standby over, or
 * raised the longest lifetime, since this one read the ring, and what it signs must be revocable here.
 */
export async function readOwnToken(
  jws: UncheckedJws,
  { request: { now }, deps: { issuer, skew }, snapshot: { ring } }: Context,
  longest: Seconds = seconds(Infinity),
): Promise<Result<JsonObject, JwtFault>> {
  if (!TYPES.has(jws.typ)) return fail('typ')
  const keys = ring.keys.filter(({ jwk }) => jwk.kid === jws.header['kid'])
  const claims = await verifyJws(jws, await Promise.all(keys.map(({ jwk }) => verifierOf(jwk))))
  if (!claims.ok) return claims
  const wrong = judgeClaims(claims.value, { issuer, now, skew, longest })
  if (wrong !== undefined) return fail(wrong)
  return typeof claims.value['jti'] === 'string' ? ok(claims.value) : fail('jti')
}

/** The client and the identifier under which the revocation of a token is stored. */
export function revocationOf(client: string, jti: string): Pick<Identifier, 'client' | 'id'> {
  return { client, id: sha256(`token ${jti}`) }
}

/** The claims of a token that is made of this one: where it comes from (RFC 8417 section 2.2), and the whole line. */
export function descentOf(claims: JsonObject): { readonly txn: Json; readonly lineage: readonly Json[] } {
  const { client_id: client = '', jti = '', txn = jti, lineage = [] } = claims as Partial<JsonObject>
  return { txn, lineage: [`${String(client)} ${String(jti)}`, ...Array.isArray(lineage) ? lineage : []] }
}

/** A token and all that it was made of, the latest first: whoever revokes one of them ends it. */
function lineOf(claims: JsonObject): readonly Pick<Identifier, 'client' | 'id'>[] {
  // More than an exchange can make is nonsense, of a development token.
  return descentOf(claims).lineage.slice(0, 9).map((one) => {
    const [client = '', jti = ''] = String(one).split(' ')
    return revocationOf(client, jti)
  })
}

function verifierOf(jwk: PublicJwk): Promise<Verifier> {
  const verifier = open.get(jwk) ?? openVerifier(jwk)
  open.set(jwk, verifier)
  return verifier
}
