import { fail, ok, type Result } from '../core/result.ts'
import { type Import, type ImportFault, importing } from './import.ts'
import type { HighWaterMarks, Policy } from './policy.ts'
import { proof } from './proof.ts'
import { MAX_ATTEMPTS, newReplica, type ReplicaDeps } from './replica.ts'
import { EMPTY_RING, type Key } from './ring.ts'
import { StoreUnavailable } from './store.ts'
import { unsafe } from './unusable.ts'

/** What an import needs: a store, a policy over the marks of that store, and the record of the order. */
interface ImportDeps extends ReplicaDeps {
  readonly policy: (marks: HighWaterMarks) => Policy
  /** Records the order before it is carried out; false if that failed. */
  readonly record: () => Promise<boolean>
}

/**
 * Commits a key of another issuer; servers may run meanwhile. Answers its state. Rejects with a `KeyringFault` for a
 * ring that cannot be used or a policy that would break the promise, or with `StoreUnavailable`.
 */
export async function importKey(
  given: Import,
  deps: ImportDeps,
): Promise<Result<Key['state'], ImportFault | 'not_recorded'>> {
  const { read, commit } = newReplica(deps)
  let isRecorded = false
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const held = await read()
    const ring = held?.ring ?? EMPTY_RING
    const policy = deps.policy(ring.marks)
    const next = importing(ring, given, { policy, now: deps.now(), watch: () => undefined })
    if (!next.ok) return next
    const { marks, keys } = next.value
    const broken = proof(deps.policy(marks).timing, marks).find(({ holds }) => !holds)
    if (broken !== undefined) throw unsafe(broken)
    isRecorded ||= await deps.record()
    if (!isRecorded) return fail('not_recorded')
    if (await commit(next.value, held) !== undefined) return ok(keys.at(-1)?.state ?? 'standby')
  }
  throw new StoreUnavailable(`Cannot commit the ring in ${MAX_ATTEMPTS} attempts`)
}
