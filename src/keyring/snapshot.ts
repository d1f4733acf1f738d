import type { Alg } from '../jose/algorithm.ts'
import { sha256 } from '../jose/digest.ts'
import type { Kid } from '../jose/jwk.ts'
import type { Signer } from '../jose/signer.ts'
import type { Policy } from './policy.ts'
import { activeOf, inOrder, type Ring } from './ring.ts'

/** What every reader sees of one committed ring: JWK Set, metadata and signer can never disagree. */
export interface Snapshot {
  readonly ring: Ring
  /** The JWK Set (RFC 7517 section 5), ready to be sent. */
  readonly jwks: string
  /** The first 128 bits of the SHA-256 of `jwks`: moves when the set does. */
  readonly digest: string
  /** The algorithms that a token of ours can have, the default first. */
  readonly algs: readonly Alg[]
  /** Signs for a line; for the default line when none is named. Undefined when the line does not sign (yet). */
  readonly signer: (alg?: Alg) => Signer | undefined
}

/** Makes the view of a ring; `signers` holds an opened signer for each key with a private half. */
export function takeSnapshot(ring: Ring, policy: Policy, signers: ReadonlyMap<Kid, Signer>): Snapshot {
  const keys = inOrder(ring.keys, policy)
  const jwks = `${JSON.stringify({ keys: keys.map(({ jwk }) => jwk) })}\n`
  const published = new Set(keys.map(({ jwk }) => jwk.alg))
  const dropped = [...published].filter((alg) => !policy.algs.includes(alg))
  const algs = [...policy.algs.filter((alg) => published.has(alg)), ...dropped]
  const lines = new Map(algs.flatMap((alg) => {
    const signer = signers.get(activeOf(keys, alg)?.jwk.kid as Kid)
    return signer === undefined ? [] : [[alg, signer] as const]
  }))
  // While a new default line waits its lead, the line that it replaces goes on signing.
  const standard = lines.get(policy.algs[0]) ?? [...lines.values()][0]
  return {
    ring,
    jwks,
    digest: sha256(jwks).slice(0, 22),
    algs,
    signer: (alg) => alg === undefined ? standard : lines.get(alg),
  }
}
