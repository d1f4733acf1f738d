import { type Sealed, UNSEALED } from '../jose/kek.ts'
import { KeyringFault } from './fault.ts'
import { MAX_DOCUMENT_BYTES } from './store.ts'

/** Faults of a ring that cannot be used; they are loaded when one comes. */

/** Fresh keys in place of a ring that is gone would strand every token that was issued. */
export function vanished(): never {
  throw new KeyringFault('ring_vanished', 'The store is empty, and was not before')
}

/** The fault of a ring that the next start could not read. */
export function tooLarge(bytes: number): KeyringFault {
  const detail = `Cannot commit a ring of ${bytes} bytes, more than ${MAX_DOCUMENT_BYTES}`
  return new KeyringFault('too_large', `${detail}. Raise --rotation-interval, or lower --retention`)
}

/** The fault of a document of a later format than `known`. */
export function newer(format: number, known: number): KeyringFault {
  const detail = `Cannot read format ${format}: a later jwksd wrote it, this one reads ${known}`
  return new KeyringFault('newer_format', detail)
}

/** The fault of a document that no given key-encryption key opens. */
export function unknownKek({ kek }: Sealed): KeyringFault {
  const what = kek === UNSEALED
    ? 'it is not sealed, and --unsealed is not given'
    : `it is sealed under the key-encryption key ${kek}, which is not given`
  return new KeyringFault('cannot_unseal', `Cannot open the ring: ${what}`)
}
