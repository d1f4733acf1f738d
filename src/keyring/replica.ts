import type { RandomBytes } from '../core/random.ts'
import { between, type Clocks, type Instant, type Seconds, seconds } from '../core/time.ts'
import type { Keks } from '../jose/kek.ts'
import { openRing, sealRing } from './envelope.ts'
import { KeyringFault } from './fault.ts'
import type { Ring } from './ring.ts'
import { MAX_DOCUMENT_BYTES, type RingStore, type Version } from './store.ts'

const unusable = () => import('./unusable.ts')

/** Compare-and-swap attempts before a writer gives up, if other processes are always faster. */
export const MAX_ATTEMPTS = 8

/** A ring that a store was seen to hold. */
export interface Committed {
  readonly ring: Ring
  readonly version: Version
  /** Read from the clock before the store was read: the ring is at least as new. */
  readonly seenAt: Instant
  /** The same moment by the monotonic clock. */
  readonly seenElapsed: Seconds
}

/** What a replica needs of the world. */
export interface ReplicaDeps extends Clocks {
  readonly store: RingStore
  readonly keks: Keks
  readonly randomBytes: RandomBytes
}

/** The ring of a store as one process reads and writes it; it never accepts an older ring after a newer one. */
export interface Replica {
  /** The ring in the store; undefined if it never held one. Throws a `KeyringFault` for content that cannot be used. */
  readonly read: () => Promise<Committed | undefined>
  /** Commits `next` over the ring that was read (undefined: none); undefined if another process was faster. */
  readonly commit: (next: Ring, over: Committed | undefined) => Promise<Committed | undefined>
}

/** A replica that has not read the store yet. */
export function newReplica({ store, keks, now, elapsed, randomBytes }: ReplicaDeps): Replica {
  let last: Committed | undefined
  let [seenAt, seenElapsed] = [now(), elapsed()]
  return {
    read: async () => {
      ;[seenAt, seenElapsed] = [now(), elapsed()]
      const stored = await store.load()
      if (stored === undefined) return last === undefined ? undefined : (await unusable()).vanished()
      const { document, version } = stored
      const ring = version === last?.version ? last.ring : await openNewer(document, last, keks)
      last = { ring, version, seenAt, seenElapsed }
      return last
    },
    commit: async (next, over) => {
      const ring = { ...next, generation: Math.max(next.generation, over?.ring.generation ?? 0) + 1 }
      const document = await sealRing(ring, keks, randomBytes)
      const bytes = Buffer.byteLength(document)
      const { maxBytes = MAX_DOCUMENT_BYTES } = store
      if (bytes > maxBytes) throw (await unusable()).tooLarge(bytes, maxBytes)
      const replaced = await store.replace(document, over?.version)
      if (!replaced.ok) return undefined
      last = { ring, version: replaced.value, seenAt, seenElapsed }
      return last
    },
  }
}

async function openNewer(document: string, last: Committed | undefined, keks: Keks): Promise<Ring> {
  const ring = await openRing(document, keks)
  const seen = last?.ring.generation ?? -1
  if (ring.generation > seen) return ring
  throw new KeyringFault('rolled_back', `The store holds ring ${ring.generation}, and held ring ${seen} before`)
}

/** Seconds since a ring was read: neither a clock that was set nor a suspended machine makes it younger. */
export function ageOf({ seenAt, seenElapsed }: Committed, { now, elapsed }: Clocks): Seconds {
  return seconds(Math.max(Math.abs(between(seenAt, now())), elapsed() - seenElapsed))
}
