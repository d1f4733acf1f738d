import { type Emit, faultEvent } from '../core/event.ts'
import type { Alg } from '../jose/algorithm.ts'
import { type FreshKey, generateKey } from '../jose/signer.ts'
import type { Policy } from './policy.ts'
import type { ReplicaDeps } from './replica.ts'
import type { Ring } from './ring.ts'

/** What a pool needs of the world. */
type PoolDeps = Pick<ReplicaDeps, 'keks' | 'randomBytes'> & { readonly emit: Emit }

/** One key for each line, made ahead: a promotion commits its new standby, and no request waits for RSA generation. */
export interface Pool {
  readonly keys: () => readonly FreshKey[]
  /** Makes a key for every line at once: for a start, when no request is served that this could slow down. */
  readonly fill: () => Promise<void>
  /** Makes what is missing, one key at a time, and calls `offer` after each; resolves at the end, never rejects. */
  readonly refill: (offer: () => Promise<void>) => Promise<void>
  /** Takes the keys of a ring out of the pool to commit it; puts them back if the commit returns undefined. */
  readonly spend: <Committed>(ring: Ring, commit: () => Promise<Committed>) => Promise<Committed>
}

/** An empty pool. */
export function keyPool({ algs, rsaBits }: Policy, { keks, randomBytes, emit }: PoolDeps): Pool {
  let keys: readonly FreshKey[] = []
  let refilling: Promise<void> | undefined
  const make = (alg: Alg): Promise<FreshKey> => generateKey(alg, { rsaBits, kek: keks[0], randomBytes })

  /** One at a time, to leave threads for signing; at most two for each line: its standby, and the one in the pool. */
  const makeMissing = async (offer: () => Promise<void>): Promise<void> => {
    for (let left = 2 * algs.length; left > 0; left -= 1) {
      const alg = algs.find((line) => !keys.some(({ jwk }) => jwk.alg === line))
      if (alg === undefined) return
      const made = await make(alg)
      keys = [...keys, made]
      await offer()
    }
  }

  return {
    keys: () => keys,
    fill: async () => {
      keys = await Promise.all(algs.map(make))
    },
    refill: (offer) => {
      refilling ??= makeMissing(offer).catch((error: unknown) => emit(faultEvent(error))).finally(() => {
        refilling = undefined
      })
      return refilling
    },
    spend: async (ring, commit) => {
      const spent = keys.filter(({ jwk: { kid } }) => ring.keys.some(({ jwk }) => jwk.kid === kid))
      keys = keys.filter((key) => !spent.includes(key))
      // If this rejects, the store may hold the ring all the same: its keys must not be used again.
      const committed = await commit()
      if (committed === undefined) keys = [...spent, ...keys]
      return committed
    },
  }
}
