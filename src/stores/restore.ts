import { resolve } from 'node:path'
import type { Config } from '../config/config.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { Keks } from '../jose/kek.ts'
import { believing } from '../keyring/believing.ts'
import { KeyringFault } from '../keyring/fault.ts'
import { merged } from '../keyring/merge.ts'
import { type Committed, newReplica, type Replica } from '../keyring/replica.ts'
import type { Ring } from '../keyring/ring.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import { systemClock, systemElapsed } from '../system/clock.ts'
import { systemRandom } from '../system/random.ts'
import { addLines, addMarks } from './backup.ts'
import { fileStore } from './file.ts'
import type { OpenAudit } from './open-audit.ts'
import { revokedIn } from './revoked.ts'
import { openWitness } from './witness.ts'

/** What an operator wants back. */
interface Given {
  /** The path of a copy of the ring. */
  readonly backup: string
  /** Whether keys sign at once. */
  readonly isForced: boolean
  readonly reason: string
  readonly keks: Keks
  readonly audit: OpenAudit | undefined
  /** Records the order about a ring before it is carried out; false if that failed. */
  readonly record: (target: string) => Promise<boolean>
}

/**
 * Commits what a copy of the ring and the store, the audit log and the witness know together, and answers the ring; the
 * failure is a sentence for the operator. What lies beside the copy is added first, so that a second try after a crash
 * finds nothing amiss. Rejects with `KeyringFault` or `StoreUnavailable`.
 */
export async function restoreRing(config: Config, given: Given): Promise<Result<Ring, string>> {
  const { backup, isForced, reason, keks, audit, record } = given
  const { held: copy } = await ringIn(backup, config, keks)
  if (copy === undefined) return fail(`There is no ring in ${backup}. Check the path`)
  const store = resolve(config.store.slice('file:'.length))
  const { held, replica } = await ringIn(store, config, keks)
  if (held !== undefined && !areRelated(held.ring, copy.ring)) {
    return fail(`${backup} holds another ring than ${store}: they share no key. Move that away to replace it`)
  }
  const witness = config.witness === undefined ? undefined : await openWitness(config.witness, SYSTEM)
  if (witness?.ok === false) return witness
  const records = [audit?.log.found.ring, witness?.value.ring].flatMap((one) => one ?? [])
  const revoked = [...await revokedIn(audit?.file.place), ...witness?.value.revoked ?? []]
  const known = Math.max(0, ...records.map(({ generation }) => generation))
  const now = systemClock()
  const rings = [copy.ring, ...held === undefined ? [] : [held.ring]] as const
  const input = { policy: config.policy(copy.ring.marks), watch: believing, now, fresh: [] }
  const ring = merged({ rings, revoked, known, reason, isForced }, input)
  if (ring.keys.length === 0) return fail(`Every key of ${backup} was revoked. A server on an empty store begins anew`)
  if (!await record(`ring ${copy.ring.generation}`)) return fail('The order is not carried out without its record')
  await addMarks(`${backup}.jti`, `${store}.jti`)
  await addLines(`${backup}.past`, `${store}.past`)
  const committed = await replica.commit(ring, held)
  if (committed === undefined) throw new StoreUnavailable(`${store} was changed meanwhile. Stop the server first`)
  return ok(committed.ring)
}

const SYSTEM = { now: systemClock, elapsed: systemElapsed, randomBytes: systemRandom, emit: () => {} }

/** The ring in a file, whose fault names the file. */
async function ringIn(
  path: string,
  { allowShared }: Config,
  keks: Keks,
): Promise<{ readonly replica: Replica; readonly held: Committed | undefined }> {
  const store = fileStore({ path, allowShared, randomBytes: systemRandom })
  const replica = newReplica({ ...SYSTEM, store, keks })
  const held = await replica.read().catch((error: unknown) => {
    if (!(error instanceof KeyringFault)) throw error
    throw new KeyringFault(error.code, `${error.message}, in ${path}. Name another copy, or move it away`)
  })
  return { replica, held }
}

/** Whether two rings ever had a key in common. */
function areRelated(one: Ring, other: Ring): boolean {
  const kids = new Set([...one.keys, ...one.history].map(({ jwk }) => jwk.kid))
  return [...other.keys, ...other.history].some(({ jwk }) => kids.has(jwk.kid))
}
