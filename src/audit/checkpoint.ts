import { decodeBase64url, decodeUtf8 } from '../core/encoding.ts'
import { isObject, type JsonObject, parseJson } from '../core/json.ts'
import { parsePublicJwk, type PublicJwk } from '../jose/jwk.ts'
import { signCompact, type Signer, verifies } from '../jose/signer.ts'
import type { Entry, Head } from './chain.ts'

/** The event of a record that signs all records before it. */
export const CHECKPOINT = 'audit.checkpoint' as const

/** A type of its own, so that no verifier takes it for a token (RFC 8725 section 3.11). */
const TYPE = 'jwksd-checkpoint'

/** When a key signed, in seconds since the epoch. */
export interface Force {
  readonly from: number
  readonly to: number
  readonly isRevoked: boolean
}

/** The keys whose checkpoints count, by kid. */
export type InForce = ReadonlyMap<string, Force>

/** A replica signs with a key until it sees the successor, by a clock of its own. */
const SLACK_SECONDS = 300

/** Whether a key was in force at a time as records state it. */
export function isInForce(force: Force | undefined, time: string): boolean {
  if (force === undefined) return false
  const at = new Date(time).getTime() / 1000
  return at >= force.from - SLACK_SECONDS && at <= force.to + SLACK_SECONDS
}

/** The checkpoint that signs the head of a log with a key of the ring. */
export async function signHead(signer: Signer, head: Head, time: string): Promise<Entry> {
  const header = JSON.stringify({ alg: signer.alg, kid: signer.kid, typ: TYPE })
  const jws = await signCompact(header, payloadOf(head, time), signer.sign)
  return { event: CHECKPOINT, time, fields: { covers: head.seq, head: head.hash, jwk: signer.jwk, jws } }
}

/**
 * The key that signed a checkpoint over this head; undefined unless the record is exactly what `signHead` made: either
 * the signature or the chain binds every member.
 */
export async function signedBy(record: JsonObject, head: Head): Promise<PublicJwk | undefined> {
  const { covers, head: hash, jws, time } = record
  const jwk = parsePublicJwk(record['jwk'])
  if (!jwk.ok || covers !== head.seq || hash !== head.hash || typeof jws !== 'string') return undefined
  const [header = '', payload = '', signature = ''] = jws.split('.')
  const parsed = parseJson(textOf(header))
  const named = parsed.ok && isObject(parsed.value) ? parsed.value : {}
  const isOurs = named['typ'] === TYPE && named['alg'] === jwk.value.alg && named['kid'] === jwk.value.kid
  if (!isOurs || textOf(payload) !== payloadOf(head, String(time)) || jws.split('.').length !== 3) return undefined
  const bytes = decodeBase64url(signature)
  const input = Buffer.from(`${header}.${payload}`, 'latin1')
  return bytes !== undefined && await verifies(jwk.value, input, bytes) ? jwk.value : undefined
}

function payloadOf({ seq, hash }: Head, time: string): string {
  return JSON.stringify({ seq, head: hash, time })
}

function textOf(part: string): string {
  const bytes = decodeBase64url(part)
  return bytes === undefined ? '' : decodeUtf8(bytes) ?? ''
}
