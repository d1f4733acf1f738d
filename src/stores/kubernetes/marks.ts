import { encodeBase64url } from '../../core/encoding.ts'
import type { RandomBytes } from '../../core/random.ts'
import { instant } from '../../core/time.ts'
import { sha256 } from '../../jose/digest.ts'
import { type JtiStore, MAX_MARKS_PER_CLIENT, type OpenJtis } from '../../oauth/jti-store.ts'
import { jtiPots, type Marks } from '../jti-pots.ts'
import { SHARDS, SPARE_SECONDS } from './bounds.ts'
import type { Secret } from './secret.ts'
import { type Mark, type Shard, shardOf } from './shard.ts'

const MINUTE = 60
/** Base64url characters of a hash, of 128 bits. */
const NAME_LENGTH = 22
const NONCE_BYTES = 6
/** The number of a moment that is for good. */
const FOR_GOOD = '-'

/** What the marks of several machines need. */
export interface MarksDeps {
  readonly clocks: Parameters<OpenJtis>[0]
  readonly randomBytes: RandomBytes
  /** The Secret with this end of its name. */
  readonly secret: (end: string) => readonly [Secret, name: string]
}

/** The shard of a name, and its key in there. */
type PlaceOf = (name: string) => readonly [Shard, key: string]

/**
 * Marks of several machines in Secrets: used identifiers lie in one of eight, revocations in one more. Each holds all
 * living marks, by the minute of their end, and drops those that are over when it is written. Reads every Secret
 * first, so that a missing right is found at the start.
 */
export async function kubernetesMarks(
  { clocks: { now, clockError }, randomBytes, secret }: MarksDeps,
  most: number = MAX_MARKS_PER_CLIENT,
): Promise<JtiStore> {
  const isOver = ({ at, nonce }: Mark): boolean => nonce !== FOR_GOOD && at + SPARE_SECONDS + 2 * clockError < now()
  const open = async (end: string): Promise<Shard> => {
    const shard = shardOf(...secret(end), isOver)
    await shard.read()
    return shard
  }
  const used = await Promise.all(Array.from({ length: SHARDS }, (_none, at) => open(`-marks-${at}`)))
  const revoked = await open('-revoked')
  const placeOf: PlaceOf = (name) => {
    const hash = sha256(name)
    const shard = name.startsWith('used-') ? used[hash.charCodeAt(0) % SHARDS]! : revoked
    return [shard, hash.slice(0, NAME_LENGTH)]
  }
  return jtiPots(marksAt(placeOf, () => encodeBase64url(randomBytes(NONCE_BYTES))), now, most)
}

function marksAt(placeOf: PlaceOf, newNonce: () => string): Marks {
  return {
    set: async (name, until) => {
      const [shard, key] = placeOf(name)
      const mark = { at: Math.ceil(until / MINUTE) * MINUTE, nonce: newNonce() }
      let isOurs = false
      await shard.change((marks) => {
        const held = marks.get(key)
        // An attempt whose answer was lost may have won already.
        isOurs = held === undefined || held.nonce === mark.nonce
        if (held === undefined) marks.set(key, mark)
        return held === undefined
      })
      return isOurs
    },
    raise: async (name, at) => {
      const [shard, key] = placeOf(name)
      await shard.change((marks) => {
        const isLater = (marks.get(key)?.at ?? -Infinity) < at
        if (isLater) marks.set(key, { at, nonce: FOR_GOOD })
        return isLater
      })
    },
    timeOf: async (name) => {
      const [shard, key] = placeOf(name)
      const held = (await shard.read()).get(key)
      return held === undefined ? undefined : instant(held.at)
    },
    remove: async () => {},
    found: async function* () {},
  }
}
