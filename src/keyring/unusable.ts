import type { Kid } from '../jose/jwk.ts'
import { type Sealed, UNSEALED } from '../jose/kek.ts'
import { KeyringFault } from './fault.ts'
import type { ProofLine } from './proof.ts'

/** Why a ring or a policy cannot be used; it is loaded when one cannot. */

/** Fresh keys in place of a ring that is gone would strand every token that was issued. */
export function vanished(): never {
  throw new KeyringFault('ring_vanished', 'The store is empty, and was not before')
}

/** The fault of a ring that the next start could not read. */
export function tooLarge(bytes: number, most: number): KeyringFault {
  const detail = `Cannot commit a ring of ${bytes} bytes, more than ${most}`
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

/** The fault for a private half that no given key-encryption key opens. */
export function cannotUnseal(kid: Kid, { kek }: Sealed): KeyringFault {
  return new KeyringFault('cannot_unseal', `Cannot unseal the key ${kid}, which is sealed under ${kek}`)
}

/** The fault of a policy that breaks the promise over the marks of a store. */
export function unsafe(broken: ProofLine): KeyringFault {
  return new KeyringFault('promise_broken', unsafeText(broken))
}

/** What is wrong with a line that does not hold, and what to do about it. */
export function unsafeText({ number, name, value, terms, bound, lower }: ProofLine): string {
  return `Unsafe (${number}): ${name} is ${value} s but must be at least ${bound} s = ${terms}. ` +
    `Set --${name} ${bound}s, or lower --${lower}`
}
