import { rewrapKey } from '../jose/rewrap.ts'
import { MAX_ATTEMPTS, newReplica, type ReplicaDeps } from './replica.ts'
import type { Key, Ring } from './ring.ts'
import { StoreUnavailable } from './store.ts'
import { cannotUnseal } from './unusable.ts'

/**
 * Seals every private half in a store, and the ring around them, anew under the first key-encryption key; servers may
 * run meanwhile. Returns how many there were, undefined for an empty store. Rejects with a `KeyringFault` when one
 * cannot be unsealed, or with `StoreUnavailable`.
 */
export async function rekey(deps: ReplicaDeps): Promise<number | undefined> {
  const { read, commit } = newReplica(deps)
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const held = await read()
    if (held === undefined) return undefined
    const keys = await Promise.all(held.ring.keys.map((key) => rewrapped(key, deps)))
    const next: Ring = { ...held.ring, keys }
    if (await commit(next, held) !== undefined) return keys.filter((key) => 'sealed' in key).length
  }
  throw new StoreUnavailable(`Cannot seal the store anew in ${MAX_ATTEMPTS} attempts`)
}

async function rewrapped(key: Key, deps: ReplicaDeps): Promise<Key> {
  if (key.state === 'retired') return key
  const { kid } = key.jwk
  const sealed = await rewrapKey(key.sealed, kid, deps)
  if (sealed === undefined) throw cannotUnseal(kid, key.sealed)
  return { ...key, sealed }
}
