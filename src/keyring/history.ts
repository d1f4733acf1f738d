import { type Instant, numericDate } from '../core/time.ts'
import { ok } from '../core/result.ts'
import type { Decision } from './moves.ts'
import type { Key, PastKey, Ring } from './ring.ts'
import type { RingStore } from './store.ts'

/** Bytes of past keys that a ring carries at most: about 450 RS256 keys, or 70 of ML-DSA-87. */
export const MAX_HISTORY_BYTES: number = 256 * 1024

/** A key, published or past, as the history shows it; times are rounded so that no token was issued outside. */
export function historyEntry(key: Key | PastKey): object {
  const { jwk } = key
  const span = spanOf(key)
  if ('state' in key) return { jwk, state: key.state, ...span }
  const { removedAt, why, reason } = key
  return { jwk, state: 'removed', ...span, removed_at: Math.ceil(removedAt), why, reason }
}

/** When a key was published, began to sign, and ceased to sign. */
type Span = { readonly [Moment in 'publishedAt' | 'activeAt' | 'retiredAt']?: Instant | undefined }

function spanOf({ publishedAt, activeAt, retiredAt }: Span): object {
  const [published_at, active_from] = [publishedAt, activeAt].map((at) => at && numericDate(at))
  return { published_at, active_from, active_to: retiredAt === undefined ? undefined : Math.ceil(retiredAt) }
}

/** Once the past keys outgrow their share of a ring, the older half of the share; else none. */
export function tooOld(history: readonly PastKey[]): readonly PastKey[] {
  let [bytes, kept, half] = [0, history.length, 0]
  while (kept > 0 && bytes <= MAX_HISTORY_BYTES) {
    kept -= 1
    bytes += JSON.stringify(history[kept]).length + 1
    if (bytes <= MAX_HISTORY_BYTES / 2) half = kept
  }
  return bytes > MAX_HISTORY_BYTES ? history.slice(0, half) : []
}

/** Commits a decision, until there is nothing to commit. */
type Commit = (decide: Decision<never>) => Promise<unknown>

/**
 * Moves past keys that a ring need not carry into the archive of its store. The archive comes first: after a crash a
 * key is in both, or twice in the archive.
 */
export function archiver(store: RingStore): (ring: Ring, commit: Commit) => Promise<void> {
  let checked: Ring | undefined
  return async (ring, commit) => {
    if (ring === checked) return
    const old = tooOld(ring.history)
    if (old.length > 0) {
      await store.archive?.(old.map((key) => JSON.stringify(historyEntry(key))))
      const kids = new Set(old.map(({ jwk }) => jwk.kid))
      await commit((held) => {
        const history = held.history.filter(({ jwk }) => !kids.has(jwk.kid))
        return ok({ ring: history.length === held.history.length ? held : { ...held, history }, changes: [] })
      })
    }
    checked = ring
  }
}
