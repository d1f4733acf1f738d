import { isObject, type JsonObject, parseJson } from '../core/json.ts'
import type { RandomBytes } from '../core/random.ts'
import { type Keks, openBytes, parseSealed, sealBytes, type Sealed, UNSEALED } from '../jose/kek.ts'
import { decodeRing, encodeRing } from './codec.ts'
import { damaged, KeyringFault } from './fault.ts'
import type { Ring } from './ring.ts'

/** The version of the document; a later jwksd may write a higher one. */
const FORMAT = 1

const NOTHING = new Uint8Array(0)

/**
 * Writes a ring as the document that every store keeps. Its `seal` is an AES-256-GCM tag over the whole ring, so that
 * nobody without the key-encryption key can edit a time, a state or a published half.
 */
export async function sealRing(ring: Ring, keks: Keks, randomBytes: RandomBytes): Promise<string> {
  const text = encodeRing(ring)
  const seal = await sealBytes(NOTHING, { kek: keks[0], context: contextOf(text), randomBytes })
  return `{"format":${FORMAT},"ring":${text},"seal":${JSON.stringify(seal)}}\n`
}

/** Reads a stored document; rejects with a `KeyringFault` if it is damaged, altered, too new, or under another key. */
export async function openRing(document: string, keks: Keks): Promise<Ring> {
  const root = readRoot(document)
  const seal = parseSealed(root['seal'])
  if (seal === undefined) throw damaged('seal')
  if (!keks.some(({ id }) => id === seal.kek)) throw unknownKek(seal)
  const text = JSON.stringify(root['ring'])
  if ((await openBytes(seal, { keks, context: contextOf(text) }))?.length !== 0) {
    throw new KeyringFault('altered', 'Cannot authenticate the ring: it was edited after it was written')
  }
  return decodeRing(root['ring'])
}

function readRoot(document: string): JsonObject {
  const parsed = parseJson(document)
  if (!parsed.ok) throw new KeyringFault('damaged', `Cannot read the document: it ${parsed.error.reason}`)
  const root = parsed.value
  if (!isObject(root)) throw damaged('the document')
  const format = root['format']
  if (typeof format === 'number' && format > FORMAT) {
    const detail = `Cannot read format ${format}: a later jwksd wrote it, this one reads ${FORMAT}`
    throw new KeyringFault('newer_format', detail)
  }
  const unknown = Object.keys(root).find((member) => !['format', 'ring', 'seal'].includes(member))
  if (format !== FORMAT || unknown !== undefined) throw damaged(unknown ?? 'format')
  return root
}

function unknownKek({ kek }: Sealed): KeyringFault {
  const what = kek === UNSEALED
    ? 'it is not sealed, and --unsealed is not given'
    : `it is sealed under the key-encryption key ${kek}, which is not given`
  return new KeyringFault('cannot_unseal', `Cannot open the ring: ${what}`)
}

function contextOf(text: string): string {
  return `jwksd/ring/${FORMAT}/${text}`
}
