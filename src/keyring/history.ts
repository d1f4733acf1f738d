import { ok } from '../core/result.ts'
import { historyEntry } from './entry.ts'
import type { Decision } from './moves.ts'
import type { PastKey } from './ring.ts'
import type { RingStore } from './store.ts'

/** Bytes of past keys that a ring carries at most: about 450 RS256 keys, or 70 of ML-DSA-87. */
export const MAX_HISTORY_BYTES: number = 256 * 1024

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
export async function archiveOld(history: readonly PastKey[], store: RingStore, commit: Commit): Promise<void> {
  const old = tooOld(history)
  if (old.length === 0) return
  await store.archive?.(old.map((key) => JSON.stringify(historyEntry(key))))
  const kids = new Set(old.map(({ jwk }) => jwk.kid))
  await commit((held) => {
    const kept = held.history.filter(({ jwk }) => !kids.has(jwk.kid))
    return ok({ ring: kept.length === held.history.length ? held : { ...held, history: kept }, changes: [] })
  })
}
