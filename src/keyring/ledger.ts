import type { RandomBytes } from '../core/random.ts'
import type { Clock, Instant } from '../core/time.ts'
import type { Keks } from '../jose/kek.ts'
import { openRing, sealRing } from './envelope.ts'
import { KeyringFault } from './fault.ts'
import type { Ring } from './ring.ts'
import type { RingStore, Version } from './store.ts'

/** A ring that a store was seen to hold. */
export interface Committed {
  readonly ring: Ring
  readonly version: Version
  /** Asked of the clock before the store was: the ring is at least as new. */
  readonly seenAt: Instant
}

/** What a ledger needs of the world. */
export interface LedgerDeps {
  readonly store: RingStore
  readonly keks: Keks
  readonly now: Clock
  readonly randomBytes: RandomBytes
}

/** A store as one replica knows it: rings instead of documents, and never an older one after a newer. */
export interface Ledger {
  /** The ring in the store; undefined while it holds none. Throws a `KeyringFault` when the content cannot be used. */
  readonly read: () => Promise<Committed | undefined>
  /** Commits the next ring over what was read (undefined: nothing); undefined when somebody else was first. */
  readonly commit: (ring: Ring, over: Committed | undefined) => Promise<Committed | undefined>
}

/** A ledger that has seen nothing yet. */
export function ledger({ store, keks, now, randomBytes }: LedgerDeps): Ledger {
  let last: Committed | undefined
  let seenAt = now()
  return {
    read: async () => {
      seenAt = now()
      const stored = await store.load()
      // A ring was there before: whoever took it away, fresh keys would strand every token that is out.
      if (stored === undefined && last !== undefined) throw new KeyringFault('ring_vanished', 'The store is empty, and was not before')
      if (stored === undefined) return undefined
      const { document, version } = stored
      const ring = version === last?.version ? last.ring : await openRing(document, keks)
      const seen = last?.version === version ? -1 : last?.ring.generation ?? -1
      if (ring.generation <= seen) throw new KeyringFault('rolled_back', `The store holds ring ${ring.generation}, and held ring ${seen} before`)
      last = { ring, version, seenAt }
      return last
    },
    commit: async (next, over) => {
      const ring = { ...next, generation: (over?.ring.generation ?? 0) + 1 }
      const replaced = await store.replace(await sealRing(ring, keks, randomBytes), over?.version)
      if (!replaced.ok) return undefined
      last = { ring, version: replaced.value, seenAt }
      return last
    },
  }
}
