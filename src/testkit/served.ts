import { decodeBase64url } from '../core/encoding.ts'
import { isObject, type JsonObject, parseJsonBytes } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { MadeToken, TokenOrder } from '../jose/issue.ts'
import type { Signer } from '../jose/signer.ts'
import { CATALOGUE, namesNear } from './catalogue.ts'
import type { Case, Kit } from './kit.ts'

/** What `/auth` needs of the catalogue, loaded when the first case is asked for. */

/** The cases as `GET /auth/cases` lists them. */
export function listed(): readonly object[] {
  return [...CATALOGUE.values()].map(({ name, what, rule, expected, level }) => ({ name, what, rule, expected, level }))
}

/** The order of a bad token, and what the caller should know about it. */
export interface CaseOrder extends TokenOrder {
  readonly about: { readonly case: string } & Pick<Case, 'what' | 'rule' | 'expected'>
}

/** Turns the order of a right token into that of a case: all of it is right but what the case says. */
export function orderOfCase(
  name: string,
  right: TokenOrder,
  keys: Pick<Kit, 'unpublished' | 'published' | 'attackerJwksUrl' | 'longest'>,
): Result<CaseOrder, string> {
  const wanted = CATALOGUE.get(name)
  if (wanted === undefined) return fail(`must be one of /auth/cases; near are ${namesNear(name).join(', ')}`)
  const { what, rule, expected } = wanted
  const { signer, issuedAt: now } = right
  const header = { alg: signer.alg, kid: signer.kid, typ: 'JWT' }
  const make = async (claims: Kit['claims']): Promise<MadeToken | undefined> => {
    const watched = watch([signer, ...keys.published])
    const [own = signer, ...published] = watched.signers
    const token = await wanted.make({ ...keys, signer: own, published, header, now, claims })
    if (token === undefined) return undefined
    // A key that outlives the process must not sign what a careless verifier takes for ever.
    const { longest } = keys
    const isLasting = longest !== undefined && watched.hasSigned() && !(expiryOf(token) <= now + longest)
    return isLasting ? undefined : { token, stated: statedBy(token) }
  }
  return ok({ ...right, make, recordedAs: { case: name }, about: { case: name, what, rule, expected } })
}

/** The same keys, and whether one of them has signed. */
function watch(signers: readonly Signer[]): { readonly signers: readonly Signer[]; readonly hasSigned: () => boolean } {
  let signed = false
  const watched = signers.map((signer) => ({
    ...signer,
    sign: (data: Uint8Array) => {
      signed = true
      return signer.sign(data)
    },
  }))
  return { signers: watched, hasSigned: () => signed }
}

/** The expiry as a careless verifier reads it; no number where there is none. */
function expiryOf(token: string): number {
  try {
    const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp?: unknown }
    return typeof exp === 'number' ? exp : NaN
  } catch {
    return NaN
  }
}

/** What a token states about itself; nothing where its JSON has two meanings, or none. */
function statedBy(token: string): MadeToken['stated'] {
  const [header = '', claims = ''] = token.split('.')
  const [{ kid }, { exp }] = [objectOf(header), objectOf(claims)]
  return { ...(typeof kid === 'string' ? { kid } : {}), ...(typeof exp === 'number' ? { exp } : {}) }
}

function objectOf(part: string): Partial<JsonObject> {
  const bytes = decodeBase64url(part)
  const parsed = bytes === undefined ? undefined : parseJsonBytes(bytes)
  return parsed?.ok === true && isObject(parsed.value) ? parsed.value : {}
}
