import { type Emit, faultEvent } from '../core/event.ts'
import type { RandomBytes } from '../core/random.ts'
import type { Keks } from '../jose/kek.ts'
import { type FreshKey, generateKey } from '../jose/signer.ts'
import type { Policy } from './policy.ts'
import type { Ring } from './ring.ts'

/** What a pool needs of the world. */
export interface PoolDeps {
  readonly keks: Keks
  readonly randomBytes: RandomBytes
  readonly emit: Emit
}

/**
 * One key in hand for each line, made ahead of its need: a promotion commits its new standby at once, and no request
 * waits for RSA key generation.
 */
export interface Pool {
  readonly keys: () => readonly FreshKey[]
  /** Makes a key for every line at once: for a start, when nothing is served yet that this could slow down. */
  readonly fill: () => Promise<void>
  /** Makes what is missing, one key at a time, and calls `offer` after each; resolves when it is done, never rejects. */
  readonly refill: (offer: () => Promise<void>) => Promise<void>
  /** Forgets the keys that are in a ring. */
  readonly drop: (ring: Ring) => void
}

/** An empty pool. */
export function keyPool({ algs, rsaBits }: Policy, { keks, randomBytes, emit }: PoolDeps): Pool {
  let keys: readonly FreshKey[] = []
  let refilling: Promise<void> | undefined
  const make = (alg: Policy['algs'][number]): Promise<FreshKey> => generateKey(alg, rsaBits, keks[0], randomBytes)

  /** One at a time, so that signing keeps the other threads; two for a line at most: its standby, and one in hand. */
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
    drop: (ring) => {
      keys = keys.filter(({ jwk }) => ![...ring.keys, ...ring.history].some((taken) => taken.jwk.kid === jwk.kid))
    },
  }
}
