import { ok, type Result } from '../core/result.ts'
import { after, type Seconds, seconds } from '../core/time.ts'
import type { Alg } from '../jose/algorithm.ts'
import type { TokenOrder } from '../jose/issue.ts'
import type { Signer } from '../jose/signer.ts'
import { unpublishedSigner } from '../jose/unstored.ts'
import type { BadTokens, CaseOrder } from './auth.ts'

/** What tokens that are not right are made of. */
export interface BadDeps {
  readonly algs: readonly Alg[]
  /** Seconds that verifiers may grant beyond `exp`; an expired token is older than that. */
  readonly leeway: Seconds
  readonly rsaBits: number
  /** Keys that were never active and are published nowhere, one for each algorithm, made when first asked for. */
  readonly unpublished: Map<Alg, Promise<Signer>>
  /** Loads the catalogue of bad tokens. */
  readonly loadCases: () => Promise<Cases>
  /** The URL of a key set with unpublished keys, for verifiers that follow a URL in a token. */
  readonly attackerJwksUrl: string
  /** Seconds until the latest expiry of a token by a published key; undefined where those keys die with the process. */
  readonly longest: Seconds | undefined
}

/** The catalogue of bad tokens. */
interface Cases {
  readonly listed: () => readonly object[]
  /** Turns the order of a right token into that of a case; the failure is what is wrong with its name. */
  readonly orderOfCase: (name: string, right: TokenOrder, keys: CaseKeys) => Result<CaseOrder, string>
}

/** The keys that a bad token may be made with, besides the right one. */
interface CaseKeys extends Pick<BadDeps, 'attackerJwksUrl' | 'longest'> {
  /** Of the same algorithm, and published nowhere. */
  readonly unpublished: Signer
  readonly published: readonly Signer[]
}

/** A token that has expired did so this long ago, beyond any usual leeway. */
const MIN_EXPIRED_SECONDS = 3600

/** Makes tokens that are not right. Real keys cannot serve: their private halves leave the ring when they retire. */
export function badTokens({ algs, leeway, rsaBits, unpublished: made, loadCases, ...rest }: BadDeps): BadTokens {
  const signerFor = (alg: Alg): Promise<Signer> => {
    const signer = made.get(alg) ?? unpublishedSigner(alg, rsaBits)
    made.set(alg, signer)
    return signer
  }
  return {
    listed: async () => (await loadCases()).listed(),
    jwks: async () => ({ keys: (await Promise.all(algs.map(signerFor))).map(({ jwk }) => jwk) }),
    orderOf: async ({ name }, right, { algs: all, signers }) => {
      const unpublished = await signerFor(right.signer.alg)
      if (name !== undefined) {
        const published = all.flatMap((alg) => signers.get(alg) ?? [])
        return (await loadCases()).orderOfCase(name, right, { ...rest, unpublished, published })
      }
      const age = right.ttl + Math.max(MIN_EXPIRED_SECONDS, 2 * leeway)
      return ok({ ...right, signer: unpublished, issuedAt: after(right.issuedAt, seconds(-age)) })
    },
  }
}
