import type { Result } from '../core/result.ts'
import type { Clock, Instant } from '../core/time.ts'
import type { FreshKey } from '../jose/signer.ts'
import type { Committed, Ledger } from './ledger.ts'
import type { Change, Step } from './moves.ts'
import type { OrderFault } from './order.ts'
import type { Pool } from './pool.ts'
import { EMPTY_RING, type Ring } from './ring.ts'

/** What shall become of a ring. */
export type Decide = (ring: Ring, now: Instant, fresh: readonly FreshKey[]) => Result<Step, OrderFault>

/** What came of one compare-and-swap; a lost race only means to go round again. */
export type Round =
  | { readonly outcome: 'settled' | 'committed'; readonly held: Committed; readonly changes: readonly Change[] }
  | { readonly outcome: 'refused'; readonly fault: OrderFault }
  | { readonly outcome: 'lost' }

/** What a round works on. */
export interface Table {
  readonly ledger: Ledger
  readonly pool: Pool
  readonly now: Clock
  /** Takes in what the store holds, before anything is committed over it: it is good, even where no commit is. */
  readonly onSeen: (held: Committed) => Promise<void>
}

/** Reads the ring, decides, and commits what was decided, if anything. */
export async function playRound({ ledger, pool, now, onSeen }: Table, decide: Decide): Promise<Round> {
  const held = await ledger.read()
  if (held !== undefined) await onSeen(held)
  const ring = held?.ring ?? EMPTY_RING
  const step = decide(ring, now(), pool.keys())
  if (!step.ok) return { outcome: 'refused', fault: step.error }
  const { ring: next, changes } = step.value
  if (next === ring) return held === undefined ? { outcome: 'lost' } : { outcome: 'settled', held, changes }
  const committed = await commit(next, held, ledger, pool)
  return committed === undefined ? { outcome: 'lost' } : { outcome: 'committed', held: committed, changes }
}

async function commit(next: Ring, over: Committed | undefined, ledger: Ledger, pool: Pool): Promise<Committed | undefined> {
  try {
    const committed = await ledger.commit(next, over)
    if (committed !== undefined) pool.drop(next)
    return committed
  } catch (error) {
    // It may be committed all the same, so no key of it may be offered again.
    pool.drop(next)
    throw error
  }
}
