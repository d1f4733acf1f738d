import type { Kid } from '../jose/jwk.ts'
import { openSigner, type Signer } from '../jose/signer.ts'
import type { KeyEncryptionKey } from '../jose/wrap.ts'
import { KeyringFault } from './fault.ts'
import type { Ring } from './ring.ts'

/**
 * Opens the private halves of a ring, keeping those that are open already; a key that has left the ring or retired
 * is let go. Throws a `KeyringFault` when a half cannot be unsealed or does not match what is published.
 */
export async function openSigners(
  ring: Ring,
  open: ReadonlyMap<Kid, Signer>,
  kek: KeyEncryptionKey,
): Promise<ReadonlyMap<Kid, Signer>> {
  const signers = new Map<Kid, Signer>()
  for (const key of ring.keys) {
    if (key.state === 'retired') continue
    const signer = open.get(key.jwk.kid) ?? await openSigner(key.jwk, key.sealed, kek)
    if (signer === undefined) throw new KeyringFault('cannot_unseal', `Cannot unseal the key ${key.jwk.kid}`)
    signers.set(signer.kid, signer)
  }
  return signers
}
