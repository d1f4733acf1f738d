import { type JsonWebKey, webcrypto } from 'node:crypto'
import { type Alg, algorithm } from './algorithm.ts'
import { publicJwk } from './jwk.ts'
import { type Signer, signerOf } from './signer.ts'

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'priv']

/** Makes a signer of a private JWK that a caller handed in; rejects when it is none of this algorithm. */
export async function importSigner(privateJwk: JsonWebKey, alg: Alg): Promise<Signer> {
  const row = algorithm(alg)
  const names = ['kty', ...row.members, ...PRIVATE_MEMBERS].filter((name) => privateJwk[name] !== undefined)
  const members = Object.fromEntries(names.map((name) => [name, privateJwk[name]]))
  const importable = row.kty === 'AKP' ? { ...members, alg } : members
  const key = await webcrypto.subtle.importKey('jwk', importable, row.key, false, ['sign'])
  return signerOf(publicJwk(row, members), key)
}
