import { decodeBase64url } from '../core/base64url.ts'
import { isObject, type JsonObject, parseJsonBytes } from '../core/json.ts'
import { ok, type Result } from '../core/result.ts'
import type { Instant } from '../core/time.ts'
import { json, type Reply } from '../http/reply.ts'
import type { Route } from '../http/router.ts'
import type { Alg } from '../jose/algorithm.ts'
import type { MadeToken, TokenOrder } from '../jose/issue.ts'
import type { Registered } from '../jose/jwt.ts'
import type { Signer } from '../jose/signer.ts'
import type { Snapshot } from '../keyring/snapshot.ts'
import { refuse } from './json-body.ts'

/** What a token of the catalogue is made of: the parts of the right one. */
export interface TokenParts {
  readonly signer: Signer
  /** Of the same algorithm, and published nowhere. */
  readonly stranger: Signer
  readonly published: readonly Signer[]
  readonly header: JsonObject
  readonly claims: JsonObject & Registered
  readonly now: Instant
  readonly strangerJwks: string
}

/** One case of the catalogue: a token, and what a right verifier does with it. */
export interface BadToken {
  readonly name: string
  readonly what: string
  readonly rule: string
  readonly expected: string
  readonly level: string
  readonly make: (parts: TokenParts) => string | undefined | Promise<string | undefined>
}

/** The cases by name, and the names nearest to one that is unknown. */
export interface Catalogue {
  readonly cases: ReadonlyMap<string, BadToken>
  readonly namesNear: (name: string) => readonly string[]
}

/** Loads the catalogue when it is first asked for. */
export type LoadCatalogue = () => Promise<Catalogue>

/** What the cases need. */
export interface CaseDeps {
  readonly algs: readonly Alg[]
  /** A key of an algorithm that is published nowhere. */
  readonly expiredSigner: (alg: Alg) => Promise<Signer>
  readonly loadCatalogue: LoadCatalogue
  /** Where an attacker would publish keys, for verifiers that follow what a token says. */
  readonly strangerJwks: string
  readonly allowOrigins: ReadonlySet<string>
}

/** The case of a name, or the answer that it is unknown. */
export function findCase(name: string, { cases, namesNear }: Catalogue): Result<BadToken, Reply> {
  const found = cases.get(name)
  return found === undefined ? refuse('case', `must be one of /auth/cases; near are ${namesNear(name).join(', ')}`) : ok(found)
}

/** Turns the order of a right token into that of a case: all of it is right but what the case says. */
export async function orderOfCase(
  wanted: BadToken,
  order: TokenOrder,
  { algs, signer: signerOf }: Snapshot,
  { expiredSigner, strangerJwks }: CaseDeps,
): Promise<TokenOrder> {
  const { signer, issuedAt } = order
  const shared = {
    signer,
    stranger: await expiredSigner(signer.alg),
    published: algs.flatMap((alg) => signerOf(alg) ?? []),
    header: { alg: signer.alg, kid: signer.kid, typ: 'JWT' },
    now: issuedAt,
    strangerJwks,
  }
  const make = async (registered: Registered): Promise<MadeToken | undefined> => {
    const token = await wanted.make({ ...shared, claims: { ...order.claims, ...registered } })
    return token === undefined ? undefined : { token, stated: statedBy(token) }
  }
  return { ...order, recordedAs: { case: wanted.name }, make }
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

/** `GET /auth/cases`: what `POST /auth?case=NAME` can make. */
export function casesRoute({ allowOrigins, loadCatalogue }: CaseDeps): Route {
  const answer = async (): Promise<Reply> => {
    const { cases } = await loadCatalogue()
    return json(200, { cases: [...cases.values()].map(({ make: _make, ...shown }) => shown) })
  }
  return { path: '/auth/cases', methods: { GET: answer }, cors: allowOrigins }
}

/**
 * `GET /auth/stranger-jwks.json`: the keys that a token of the catalogue points to, which is where only a verifier
 * looks that follows `jku`. No metadata leads here, and no right verifier.
 */
export function strangerRoute({ algs, expiredSigner }: CaseDeps): Route {
  const answer = async (): Promise<Reply> => {
    const signers = await Promise.all(algs.map(expiredSigner))
    return json(200, { keys: signers.map(({ jwk }) => jwk) })
  }
  return { path: '/auth/stranger-jwks.json', methods: { GET: answer }, cors: new Set() }
}
