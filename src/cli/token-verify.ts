import { stat } from 'node:fs/promises'
import type { Config } from '../config/config.ts'
import { type JsonObject, isObject, type Json, parseJsonBytes } from '../core/json.ts'
import { printable } from '../core/printable.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { between, type Clock, instant, type Seconds, seconds } from '../core/time.ts'
import { type Drop, openJwkSet, privateMember } from '../jose/foreign-key.ts'
import type { Verifier } from '../jose/jwk.ts'
import { type JwtFault, parseCompact, type UncheckedJws, verifyJws } from '../jose/verify.ts'
import { NO_MARKS } from '../keyring/policy.ts'
import { EXIT } from '../system/exit.ts'
import { readPrivate } from '../system/private-file.ts'
import { addressIn, askIssuer, type Issuing, metadataOf, notFetched, readUrl } from './issuer-documents.ts'
import { lengthInWords, momentInWords } from './relative.ts'
import { claimFaults, type Reason } from './token-judge.ts'
import { FORM_FAULTS, type Outcome, wrongUse } from './token-outcome.ts'
import { visibleJson } from './visible.ts'

/** The flags of `jwksd token` by their names. */
export type Own = Readonly<Record<string, string>>

/** The keys to verify with, whose they are, and how old. */
interface KeySet {
  readonly issuer: string
  readonly root: Json
  readonly from: string
  readonly age: Seconds
}

const MAX_FILE_BYTES = 262_144
const TYPES: readonly string[] = ['', 'jwt', 'at+jwt']

/** Verifies a token with the keys of an issuer, and says what is wrong with it. */
export async function verifyToken(token: string, config: Config, own: Own, now: Clock): Promise<Outcome> {
  const jws = parseCompact(token)
  if (!jws.ok) return refusedBy([{ reason: jws.error, message: FORM_FAULTS[jws.error] ?? jws.error }])
  const set = await keySetOf(own, config, now)
  if (!set.ok) return set.error
  const { root, from } = set.value
  const secret = privateMember(root)
  if (secret !== undefined) {
    return notFetched(from, `it publishes the secret member "${secret}" of a key: anyone can sign. Revoke that key`)
  }
  const dropped: string[] = []
  const drop: Drop = (place, member) => dropped.push(`the key at place ${place} cannot be used: ${member} is at fault`)
  const keys = await openJwkSet(root, drop)
  if (keys === undefined) return notFetched(from, 'it is no JWK Set, or holds more than 100 keys')
  const claims = await verifyJws(jws.value, keys)
  if (!claims.ok) return refusedBy([keyFault(claims.error, jws.value, keys)], [...aboutSet(set.value), ...dropped])
  const { clockError } = config.policy(NO_MARKS).timing
  const wanted = { issuer: set.value.issuer, audience: own['audience'], now: now(), clockError }
  const faults = [...typeFault(jws.value, own['typ']), ...claimFaults(claims.value, wanted)]
  if (faults.length > 0) return refusedBy(faults, aboutSet(set.value))
  return valid(jws.value, claims.value, { set: set.value, own, now })
}

function refusedBy(faults: readonly Reason[], notes: readonly string[] = []): Outcome {
  const json = { ok: false, reason: faults[0]?.reason, message: faults[0]?.message, faults, notes }
  const reasons = faults.map(({ message }) => `Refused: ${message}`)
  return { exit: EXIT.refused, json, lines: [...reasons, ...notes].map(printable) }
}

function aboutSet({ from, age, root }: KeySet): readonly string[] {
  const count = isObject(root) && Array.isArray(root['keys']) ? root['keys'].length : 0
  return [`key set: ${from}, ${count} keys, ${age < 1 ? 'fetched just now' : `${lengthInWords(age)} old`}`]
}

/** Why no key of the set vouches for a token; `kid` and `alg` of its header are compared with what is published. */
function keyFault(fault: JwtFault, { header: { kid, alg } }: UncheckedJws, keys: readonly Verifier[]): Reason {
  const published = keys.map((key) => `${String(key.kid)} (${key.alg})`).join(', ') || 'no key that can be used'
  const named = keys.filter((key) => key.kid === kid)
  const bound = named.map((key) => key.alg).join(', ') || published
  const unknown = kid === undefined ? 'the header names no kid, and no or several keys have its alg'
    : `the kid ${visibleJson(kid)} is ${named.length > 0 ? 'published for several keys' : 'not published'}`
  const messages: Readonly<Partial<Record<JwtFault, string>>> = {
    kid: `${unknown}. Published: ${published}`,
    alg: `the header says alg ${visibleJson(alg ?? null)}, the key is for ${bound}`,
    signature: `the signature is not by the key ${String(kid ?? keys.find((key) => key.alg === alg)?.kid)}`,
  }
  return { reason: fault, message: messages[fault] ?? FORM_FAULTS[fault] ?? fault }
}

function typeFault({ typ }: UncheckedJws, wanted: string | undefined): readonly Reason[] {
  const accepted = wanted === undefined ? TYPES : [wanted.toLowerCase().replace(/^application\//, '')]
  if (accepted.includes(typ)) return []
  const names = accepted.map((name) => name === '' ? 'none' : name).join(', ')
  return [{ reason: 'typ', message: `typ is ${visibleJson(typ)} but must be one of: ${names}. For another, set --typ` }]
}

function valid({ header }: UncheckedJws, claims: JsonObject, { set, own, now }: Verified): Outcome {
  const { kid, alg } = header
  const expiry = momentInWords(instant(claims['exp'] as number), now())
  const audience = own['audience'] === undefined ? 'aud was not compared. Name yours: --audience NAME' : 'aud is right'
  const lines = [`Valid: signed by ${String(kid ?? 'the only key')} (${String(alg)}), expires ${expiry}`, audience]
  const source = { from: set.from, age: Math.floor(set.age) }
  const json = { ok: true, header, claims, keySet: source }
  return { exit: 0, json, lines: [...lines, ...aboutSet(set)].map(printable) }
}

/** Beside the token: its keys, what was asked for, and the clock. */
interface Verified {
  readonly set: KeySet
  readonly own: Own
  readonly now: Clock
}

async function keySetOf(own: Own, { allowShared }: Config, now: Clock): Promise<Result<KeySet, Outcome>> {
  const { url, keys, issuer, 'allow-http': allowed } = own
  if ((url === undefined) === (keys === undefined)) {
    return fail(wrongUse('Name the issuer with --url URL, or its saved key set with --keys FILE and --issuer URL'))
  }
  if (url !== undefined) {
    if (issuer !== undefined && issuer !== url) return fail(wrongUse('--issuer must be what --url says. Leave it out'))
    const typed = readUrl(url, allowed !== undefined)
    return typed.ok ? await fetched({ url, allowHttp: allowed !== undefined }) : typed
  }
  if (issuer === undefined) return fail(wrongUse('--issuer is not set. Name the issuer that iss must be'))
  return await saved(own, allowShared, now)
}

async function fetched(issuing: Issuing): Promise<Result<KeySet, Outcome>> {
  const metadata = await metadataOf(issuing.url)
  if (!metadata.ok) return metadata
  const from = addressIn(metadata.value, 'jwks_uri', issuing)
  if (!from.ok) return from
  const answer = await askIssuer(from.value)
  if (!answer.ok) return answer
  const { status, body, age } = answer.value
  if (status !== 200) return fail(notFetched(from.value, `it answers ${status}`))
  return ok({ issuer: issuing.url, root: body, from: from.value, age: seconds(age) })
}

async function saved(
  { keys: path = '', issuer = '' }: Own,
  allowShared: boolean,
  now: Clock,
): Promise<Result<KeySet, Outcome>> {
  const rules = { othersMay: 'read', allowShared, followsLinks: true, maxBytes: MAX_FILE_BYTES } as const
  const file = await readPrivate(path, rules)
  if (!file.ok) return fail(notFetched(path, file.error.problem))
  const parsed = parseJsonBytes(file.value)
  if (!parsed.ok) return fail(notFetched(path, `${parsed.error.member} ${parsed.error.reason}`.trim()))
  const { mtimeMs } = await stat(path)
  return ok({ issuer, root: parsed.value, from: path, age: between(instant(mtimeMs / 1000), now()) })
}
