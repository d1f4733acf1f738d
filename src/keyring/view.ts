import { after, earliest, type Instant } from '../core/time.ts'
import type { Kid } from '../jose/jwk.ts'
import type { Keks } from '../jose/kek.ts'
import { openSigner, type Signer } from '../jose/signer.ts'
import { KeyringFault } from './fault.ts'
import type { Committed } from './ledger.ts'
import type { Policy } from './policy.ts'
import { type Ring, ringDueAt } from './ring.ts'
import { type Snapshot, takeSnapshot } from './snapshot.ts'

/** What one replica knows of the store, and how long it may rely on it. */
export interface View extends Committed {
  readonly snapshot: Snapshot
  readonly signers: ReadonlyMap<Kid, Signer>
  /** When the view must be brought up to date before it serves a request. */
  readonly due: Instant
}

/**
 * Makes the view of a committed ring, with each private half opened; what the last view has made is kept. Throws a
 * `KeyringFault` when a half cannot be unsealed or does not match what is published.
 */
export async function takeView(
  committed: Committed,
  last: View | undefined,
  policy: Policy,
  keks: Keks,
): Promise<View> {
  const { ring, version, seenAt } = committed
  const due = earliest([ringDueAt(ring, policy), after(seenAt, policy.timing.propagation)])
  if (last?.version === version) return { ...last, seenAt, due }
  const signers = await openSigners(ring, last?.signers ?? new Map(), keks)
  return { ...committed, snapshot: takeSnapshot(ring, policy, signers), signers, due }
}

async function openSigners(
  ring: Ring,
  open: ReadonlyMap<Kid, Signer>,
  keks: Keks,
): Promise<ReadonlyMap<Kid, Signer>> {
  const signers = new Map<Kid, Signer>()
  for (const key of ring.keys) {
    if (key.state === 'retired') continue
    const signer = open.get(key.jwk.kid) ?? await openSigner(key.jwk, key.sealed, keks)
    if (signer === undefined) throw new KeyringFault('cannot_unseal', `Cannot unseal the key ${key.jwk.kid}, which is sealed under ${key.sealed.kek}`)
    signers.set(signer.kid, signer)
  }
  return signers
}
