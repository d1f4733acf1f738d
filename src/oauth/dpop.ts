import { isObject, type JsonObject } from '../core/json.ts'
import { ok, type Result } from '../core/result.ts'
import { after, seconds } from '../core/time.ts'
import { sha256 } from '../jose/digest.ts'
import { parseForeignJwk } from '../jose/foreign-key.ts'
import { type Kid, openVerifier } from '../jose/jwk.ts'
import { parseCompact, type UncheckedJws, verifyJws } from '../jose/verify.ts'
import { type OAuthFault, refused } from './fault.ts'
import type { CheckProof, ClientContext } from './rules.ts'

/** A proof is made for one request. */
const PROOF_SECONDS = 60
const MAX_JTI_LENGTH = 256

/**
 * Checks a DPoP proof for a POST (RFC 9449 section 4.3), and returns the thumbprint of its key. The proof brings
 * its key with it: the token is then bound to the holder of that key.
 */
export const checkProof: CheckProof = async (proof, context) => {
  const jws = parseCompact(proof)
  if (!jws.ok || jws.value.typ !== 'dpop+jwt') return wrong('it is no JWS of the type dpop+jwt')
  const jwk = keyOf(jws.value)
  if (!jwk.ok) return wrong(`its key cannot be used (${jwk.error})`)
  const { kid } = jws.value.header
  const verifier = await openVerifier(jwk.value.jwk, typeof kid === 'string' ? kid : undefined).catch(() => undefined)
  const claims = verifier === undefined ? undefined : await verifyJws(jws.value, [verifier])
  if (claims?.ok !== true) return wrong('its signature does not verify')
  const unfit = await judge(claims.value, jwk.value.jwk.kid, context)
  return unfit === undefined ? ok(jwk.value.jwk.kid) : wrong(unfit)
}

/** A key whose JWK leaves the algorithm open is the proof's own, and so is the algorithm. */
function keyOf({ header }: UncheckedJws): ReturnType<typeof parseForeignJwk> {
  const { jwk, alg } = header as Partial<JsonObject>
  return parseForeignJwk(isObject(jwk) && typeof alg === 'string' ? { alg, ...jwk } : jwk)
}

async function judge(claims: JsonObject, key: Kid, context: ClientContext): Promise<string | undefined> {
  const { client, request: { now }, deps: { url, skew, jtis }, snapshot: { ring: { restored } } } = context
  const { jti, htm, htu, iat } = claims as Partial<JsonObject>
  if (htm !== 'POST') return 'htm must be POST'
  if (typeof htu !== 'string' || plain(htu) !== plain(url)) return 'htu must be the URL of this endpoint'
  if (typeof iat !== 'number' || iat > now + skew || iat < now - PROOF_SECONDS - skew) return 'iat is not now'
  if (restored !== undefined && iat < restored.at + skew) return 'it is from before the keys were restored'
  const isId = typeof jti === 'string' && jti !== '' && jti.length <= MAX_JTI_LENGTH
  if (!isId) return `jti must be a text of 1 to ${MAX_JTI_LENGTH} characters`
  const until = after(now, seconds(PROOF_SECONDS + 2 * skew))
  const done = await jtis.use({ client: client.id, id: sha256(`proof ${key} ${jti}`), until })
  return done === 'new' ? undefined : done === 'known' ? 'it was used before' : 'the client has sent too many'
}

/** A URL without query and fragment, normalized (RFC 9449 section 4.3, point 9). */
function plain(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const { origin, pathname } = new URL(text)
  return `${origin}${pathname}`
}

function wrong(why: string): Result<never, OAuthFault> {
  return refused('invalid_dpop_proof', `The DPoP proof is refused: ${why}`)
}
