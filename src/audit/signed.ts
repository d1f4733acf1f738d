import { decodeBase64url, decodeUtf8 } from '../core/encoding.ts'
import { isObject, type JsonObject, parseJson } from '../core/json.ts'
import { parsePublicJwk, type PublicJwk } from '../jose/jwk.ts'
import { verifies } from '../jose/signer.ts'
import type { Head } from './chain.ts'
import { CHECKPOINT, type Force, type InForce, payloadOf, TYPE } from './checkpoint.ts'
import type { LineFile } from './file.ts'
import { recordOf } from './opened.ts'

/** A replica signs with a key until it sees the successor, by a clock of its own. */
const SLACK_SECONDS = 300

/** Whether a key was in force at a time as records state it. */
export function isInForce(force: Force | undefined, time: string): boolean {
  if (force === undefined) return false
  const at = new Date(time).getTime() / 1000
  return at >= force.from - SLACK_SECONDS && at <= force.to + SLACK_SECONDS
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

/** Whether the last record is a checkpoint over the one before, by a key that counts. */
export async function isClosed({ last }: LineFile, keys: InForce | undefined): Promise<boolean> {
  const record = recordOf(last)
  const { event, covers, seq, prev, time } = record
  if (event !== CHECKPOINT || typeof prev !== 'string' || covers !== Number(seq) - 1) return false
  const key = await signedBy(record, { seq: covers, hash: prev })
  return key !== undefined && (keys === undefined || isInForce(keys.get(key.kid), String(time)))
}

function textOf(part: string): string {
  const bytes = decodeBase64url(part)
  return bytes === undefined ? '' : decodeUtf8(bytes) ?? ''
}
