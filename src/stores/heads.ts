import type { KnownRing } from '../audit/opened.ts'
import type { Config } from '../config/config.ts'
import type { Emit } from '../core/event.ts'
import { ok } from '../core/result.ts'
import { anchored } from '../keyring/anchor.ts'
import type { Anchor } from '../keyring/deps.ts'
import type { Committed } from '../keyring/replica.ts'
import type { Ring } from '../keyring/ring.ts'
import type { OpenAudit } from './open-audit.ts'

/** A file on another disk that knows the newest ring: an older copy of the store is noticed. */
export interface Witness {
  readonly ring: KnownRing | undefined
  /** The keys that were revoked. */
  readonly revoked: readonly string[]
  /** Writes down a ring that is in force; never rejects. */
  readonly write: (ring: Ring, version: string) => Promise<void>
}

/** What knows about the ring besides its store. */
export interface AnchorDeps {
  readonly audit: OpenAudit | undefined
  readonly witness: Witness | undefined
  readonly emit: Emit
}

/** Holds the ring of a store to the audit log and the witness, and the log to the ring. */
export function anchorIn({ acceptRollback }: Config, deps: AnchorDeps): Anchor {
  const { audit, witness, emit } = deps
  return {
    anchored: (next, anchoring) => {
      const { place } = audit?.file ?? {}
      const head = audit?.log.head()
      return place === undefined || head === undefined || head.seq === 0 ? next
        : anchored(next, { ...head, place }, anchoring)
    },
    served: (ring, version) => {
      emit({ name: 'ring.served', generation: ring.generation, ring: version })
      void witness?.write(ring, version)
    },
    judge: async (held) => {
      const records = [audit?.log.found.ring, witness?.ring].flatMap((one) => one ?? [])
      const newest = records.toSorted((one, other) => other.generation - one.generation)[0]
      const isOlder = newest !== undefined && !isAsNew(held, newest)
      const isKnown = isOlder || held?.ring.heads !== undefined
      const revoked = witness?.revoked ?? []
      const accepted = isKnown
        ? await (await import('./rollback.ts')).accepted({ held, newest, isOlder, audit, revoked, acceptRollback })
        : ok(undefined)
      if (!accepted.ok) return accepted
      const isContinued = audit !== undefined && audit.log.found.head.seq > 0
      const keys = held && isContinued ? (await import('./in-force.ts')).inForce(held.ring) : undefined
      await audit?.log.start(keys)
      if (accepted.value !== undefined) emit(accepted.value.event)
      return ok(accepted.value?.decision)
    },
  }
}

function isAsNew(held: Committed | undefined, { generation, ring }: KnownRing): boolean {
  const own = held?.ring.generation ?? 0
  return own > generation || (own === generation && held?.version as string | undefined === ring)
}
