import type { Seconds } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'
import { sha256 } from '../jose/digest.ts'
import type { Kid } from '../jose/jwk.ts'
import type { Keks } from '../jose/kek.ts'
import { openSigner, type Signer } from '../jose/signer.ts'
import type { Policy } from './policy.ts'
import { inOrder, type Key, type Ring } from './ring.ts'

/** Keys as they are published. */
export interface KeySet {
  /** The JWK Set (RFC 7517 section 5) as text. */
  readonly jwks: string
  /** The first 128 bits of the SHA-256 of `jwks`: it changes when the set does. */
  readonly digest: string
}

/** The JWK Set of some keys. */
function keySet(keys: readonly Key[]): KeySet {
  const jwks = `${JSON.stringify({ keys: keys.map(({ jwk }) => jwk) })}\n`
  return { jwks, digest: sha256(jwks).slice(0, 22) }
}

/**
 * The JWK Set of one algorithm; undefined when it has no key. It holds its keys of the common set too, so that
 * verifiers can change to it before the algorithm leaves the common set, and miss nothing while it comes back.
 */
export function setOfAlg({ keys }: Snapshot, alg: Alg): KeySet | undefined {
  const own = keys.filter(({ jwk }) => jwk.alg === alg)
  return own.length === 0 ? undefined : keySet(own)
}

/** One committed ring as all readers see it: JWK Set, metadata and signer can never disagree. */
export interface Snapshot extends KeySet {
  readonly ring: Ring
  /** Every published key, in the order of a JWK Set. */
  readonly keys: readonly Key[]
  /** The algorithms of the JWK Set, the default first. */
  readonly algs: readonly Alg[]
  /** The signer of each line that has an active key; the default line stands under `undefined` too. */
  readonly signers: ReadonlyMap<Alg | undefined, Signer>
}

/** The snapshot to serve now; undefined while it is too old to be trusted. */
export type Current = () => Snapshot | undefined | Promise<Snapshot | undefined>

/** How a replica is. */
export interface Health {
  /** Whether it may sign and publish. */
  readonly ready: boolean
  /** Whether the store answered last. */
  readonly inStep: boolean
  /** Seconds since the store was read. */
  readonly viewAge: Seconds
  /** Seconds that a stamp of the ring lies ahead of the clock; 0 while none does. */
  readonly ahead: Seconds
}

/** A signer for each key by kid. */
export type Signers = ReadonlyMap<Kid, Signer>

/** Makes the snapshot of a ring; `signers` holds an opened signer for each key with a private half. */
export function takeSnapshot(ring: Ring, policy: Policy, signers: Signers): Snapshot {
  const keys = inOrder(ring.keys, policy)
  const common = keys.filter(({ separate }) => separate !== true)
  const published = new Set(common.map(({ jwk }) => jwk.alg))
  const dropped = [...published].filter((alg) => !policy.algs.includes(alg))
  const algs = [...policy.algs.filter((alg) => published.has(alg)), ...dropped]
  const active = keys.filter(({ state }) => state === 'active')
  const lines = new Map<Alg | undefined, Signer>(active.flatMap(({ jwk: { alg, kid } }) => {
    const signer = signers.get(kid)
    return signer === undefined ? [] : [[alg, signer]]
  }))
  // While a new default line waits its lead, the line that it replaces goes on signing.
  const defaultSigner = lines.get(policy.algs[0]) ?? [...lines.values()][0]
  if (defaultSigner !== undefined) lines.set(undefined, defaultSigner)
  return { ring, ...keySet(common), keys, algs, signers: lines }
}

/**
 * Opens the private half of each key in a ring that has one; a signer in `open` is used again. Throws a `KeyringFault`
 * when a half cannot be unsealed or does not match the published half.
 */
export async function openSigners(ring: Ring, open: Signers, keks: Keks): Promise<Signers> {
  const signers = new Map<Kid, Signer>()
  for (const key of ring.keys) {
    if (key.state === 'retired') continue
    const { jwk, sealed } = key
    const signer = open.get(jwk.kid) ?? await openSigner(jwk, sealed, keks)
    if (signer === undefined) throw (await import('./unusable.ts')).cannotUnseal(jwk.kid, sealed)
    signers.set(signer.kid, signer)
  }
  return signers
}
