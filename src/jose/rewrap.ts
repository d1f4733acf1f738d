import type { RandomBytes } from '../core/random.ts'
import type { Kid } from './jwk.ts'
import { type Keks, openBytes, sealBytes, type Sealed } from './kek.ts'
import { keyContext } from './wrap.ts'

/** Seals a private key anew under the first key-encryption key; undefined when none of them opens it. */
export async function rewrapKey(
  sealed: Sealed,
  kid: Kid,
  { keks, randomBytes }: { readonly keks: Keks; readonly randomBytes: RandomBytes },
): Promise<Sealed | undefined> {
  const context = keyContext(kid)
  const bytes = await openBytes(sealed, { keks, context })
  if (bytes === undefined) return undefined
  const resealed = await sealBytes(bytes, { kek: keks[0], context, randomBytes })
  bytes.fill(0)
  return resealed
}
