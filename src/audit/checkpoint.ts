import { signCompact, type Signer } from '../jose/signer.ts'
import type { Entry, Head } from './chain.ts'

/** The event of a record that signs all records before it. */
export const CHECKPOINT = 'audit.checkpoint' as const

/** A type of its own, so that no verifier takes it for a token (RFC 8725 section 3.11). */
export const TYPE = 'jwksd-checkpoint'

/** When a key signed, in seconds since the epoch. */
export interface Force {
  readonly from: number
  readonly to: number
  readonly isRevoked: boolean
}

/** The keys whose checkpoints count, by kid. */
export type InForce = ReadonlyMap<string, Force>

/** The checkpoint that signs the head of a log with a key of the ring. */
export async function signHead(signer: Signer, head: Head, time: string): Promise<Entry> {
  const header = JSON.stringify({ alg: signer.alg, kid: signer.kid, typ: TYPE })
  const jws = await signCompact(header, payloadOf(head, time), signer.sign)
  return { event: CHECKPOINT, time, fields: { covers: head.seq, head: head.hash, jwk: signer.jwk, jws } }
}

/** What a checkpoint signs. */
export function payloadOf({ seq, hash }: Head, time: string): string {
  return JSON.stringify({ seq, head: hash, time })
}
