import { isObject, type Json, parseJson } from '../core/json.ts'
import type { RandomBytes } from '../core/random.ts'
import { type Keks, openBytes, sealBytes } from '../jose/kek.ts'
import { decodeRing, encodeRing, sealed } from './codec.ts'
import { KeyringFault } from './fault.ts'
import { oneOf, record, reject } from './record.ts'
import type { Ring } from './ring.ts'

/** The version of a document with imported keys; with heads, a restore or separate sets; and of others. */
const [FORMAT, HEADS_FORMAT, PLAIN_FORMAT] = [3, 2, 1]

const NOTHING = new Uint8Array(0)
const present = (value: Json | undefined, member: string): Json => value ?? reject(member)
const readDocument = record({ format: oneOf(PLAIN_FORMAT, HEADS_FORMAT, FORMAT), ring: present, seal: sealed })

/**
 * Writes a ring as the document that every store keeps. Its `seal` is an AES-256-GCM tag over the whole ring, so that
 * nobody without the key-encryption key can edit a time, a state or a published half.
 */
export async function sealRing(ring: Ring, keks: Keks, randomBytes: RandomBytes): Promise<string> {
  const text = encodeRing(ring)
  const format = formatOf(ring)
  const seal = await sealBytes(NOTHING, { kek: keks[0], context: contextOf(format, text), randomBytes })
  return `{"format":${format},"ring":${text},"seal":${JSON.stringify(seal)}}\n`
}

/** Reads a stored document; rejects with a `KeyringFault` if it is damaged, altered, too new, or under another key. */
export async function openRing(document: string, keks: Keks): Promise<Ring> {
  const parsed = parseJson(document)
  if (!parsed.ok) throw new KeyringFault('damaged', `Cannot read the document: it ${parsed.error.reason}`)
  const given = isObject(parsed.value) ? parsed.value['format'] : undefined
  if (typeof given === 'number' && given > FORMAT) throw (await import('./unusable.ts')).newer(given, FORMAT)
  const { format, ring, seal } = readDocument(parsed.value, 'the document')
  if (!keks.some(({ id }) => id === seal.kek)) throw (await import('./unusable.ts')).unknownKek(seal)
  const context = contextOf(format, JSON.stringify(ring))
  if ((await openBytes(seal, { keks, context }))?.length === 0) return decodeRing(ring)
  throw new KeyringFault('altered', 'Cannot authenticate the ring: it was edited after it was written')
}

/** The lowest version that holds everything in the ring, so that an earlier jwksd reads what it can. */
function formatOf({ keys, history, heads, restored }: Ring): number {
  if ([...keys, ...history].some(({ imported }) => imported)) return FORMAT
  const isPlain = heads === undefined && restored === undefined && !keys.some(({ separate }) => separate)
  return isPlain ? PLAIN_FORMAT : HEADS_FORMAT
}

function contextOf(format: number, text: string): string {
  return `jwksd/ring/${format}/${text}`
}
