import { between } from '../core/time.ts'
import type { Anchoring } from './deps.ts'
import type { LogHead, Ring } from './ring.ts'

const MAX_HEADS = 64

/**
 * The ring with the present head of the log, if the ring is new, or the head in it gets old. Heads that nobody renews
 * for the retention leave it, and the oldest beyond 64.
 */
export function anchored(next: Ring, head: Omit<LogHead, 'at'>, { before, now, policy }: Anchoring): Ring {
  const { retention } = policy.timing
  const own = next.heads?.find(({ chain }) => chain === head.chain)
  const isRecent = own !== undefined && (own.seq === head.seq || between(own.at, now) < retention / 2)
  if (next === before && isRecent) return next
  const others = next.heads?.filter(({ chain, at }) => chain !== head.chain && between(at, now) < retention) ?? []
  return { ...next, heads: [...others, { ...head, at: now }].slice(-MAX_HEADS) }
}
