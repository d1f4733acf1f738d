import { rewrapKey } from '../jose/wrap.ts'
import { KeyringFault } from './fault.ts'
import { ledger, type LedgerDeps } from './ledger.ts'
import type { Key, Ring } from './ring.ts'
import { StoreUnavailable } from './store.ts'

const ROUNDS = 8

/**
 * Seals every private half of a store, and the ring around them, anew under the first key-encryption key, while
 * servers may be running; answers how many there were, undefined for an empty store. Throws a `KeyringFault` when one
 * does not open, rejects with `StoreUnavailable`.
 */
export async function rekey(deps: LedgerDeps): Promise<number | undefined> {
  const { read, commit } = ledger(deps)
  for (let round = 0; round < ROUNDS; round += 1) {
    const held = await read()
    if (held === undefined) return undefined
    const keys = await Promise.all(held.ring.keys.map((key) => rewrapped(key, deps)))
    const next: Ring = { ...held.ring, keys }
    if (await commit(next, held) !== undefined) return keys.filter((key) => 'sealed' in key).length
  }
  throw new StoreUnavailable(`Cannot seal the store anew in ${ROUNDS} rounds`)
}

async function rewrapped(key: Key, { keks, randomBytes }: LedgerDeps): Promise<Key> {
  if (key.state === 'retired') return key
  const { kid } = key.jwk
  const sealed = await rewrapKey(key.sealed, kid, keks, randomBytes)
  if (sealed === undefined) throw new KeyringFault('cannot_unseal', `Cannot unseal the key ${kid}, which is sealed under ${key.sealed.kek}`)
  return { ...key, sealed }
}
