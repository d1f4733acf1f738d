import { ALGORITHMS } from '../jose/algorithm.ts'
import { selfSigned } from './certificate.ts'
import { byStranger, type Case, hmac, inputOf, type Kit, pemOf, signedBy, truly } from './kit.ts'

const wrong = (name: string, what: string, rule: string, make: Case['make'], level: Case['level'] = 'must'): Case =>
  ({ name, what, rule, expected: 'refuse', level, make })

/** The header lies about the algorithm; where the signature is right for the real one, only the header decides. */
const unsigned = (alg: string) => (kit: Kit): string => `${inputOf({ ...kit.header, alg }, kit.claims)}.`

/** Another algorithm that keys of this kind could have, if the header had a say in it. */
function sibling({ signer }: Kit): string {
  const row = ALGORITHMS.get(signer.alg)
  const [other = 'RS256'] = [...ALGORITHMS.values()].filter(({ kty, alg }) => kty === row?.kty && alg !== signer.alg).map(({ alg }) => alg)
  return signer.alg === 'RS256' ? 'PS256' : other
}

/** Tokens whose key or algorithm is not the one that was published for them. */
export const KEY_CASES: readonly Case[] = [
  wrong('key-unknown', 'by a key that is published nowhere', 'RFC 7515 6', (kit) => byStranger(kit, { kid: kit.stranger.kid })),
  wrong('key-expired', 'by such a key, and long expired', 'RFC 7519 4.1.4', ({ stranger, header, claims, now }) =>
    signedBy(stranger, { ...header, kid: stranger.kid }, { ...claims, iat: Math.floor(now) - 7200, nbf: Math.floor(now) - 7200, exp: Math.floor(now) - 3600 })),
  wrong('key-forged', 'by a stranger, under the name of the right key', 'RFC 7515 5.2', (kit) => byStranger(kit)),
  wrong('key-unnamed', 'by a stranger, without a name', 'RFC 7515 4.1.4', (kit) => byStranger(kit, { kid: undefined })),
  wrong('key-confused', 'by the right key, under the name of another one', 'RFC 7515 4.1.4', (kit) => {
    const other = kit.published.find(({ kid }) => kid !== kit.signer.kid)
    return other === undefined ? undefined : truly(kit, { kid: other.kid })
  }),
  wrong('kid-path', 'kid leads to an empty file, whose content is the secret', 'RFC 8725 3.10', (kit) => hmac(kit, '', { kid: '../../../../../../dev/null' })),
  wrong('kid-sql', 'kid asks a database for the secret', 'RFC 8725 3.10', (kit) => hmac(kit, 'secret', { kid: "' UNION SELECT 'secret' -- " })),
  wrong('kid-nul', 'kid is the right one, a NUL and more', 'RFC 8725 3.10', (kit) => byStranger(kit, { kid: `${kit.signer.kid}\u0000x` })),
  wrong('kid-prototype', 'kid is a member that every object has', 'RFC 8725 3.10', (kit) => byStranger(kit, { kid: '__proto__' })),
  wrong('kid-object', 'kid is no text', 'RFC 7515 4.1.4', (kit) => byStranger(kit, { kid: { toString: 'x' } })),
  wrong('alg-none', 'no algorithm, no signature', 'RFC 8725 3.2', unsigned('none')),
  wrong('alg-none-capital', 'the same, written None', 'CVE-2022-23540', unsigned('None')),
  wrong('alg-none-capitals', 'the same, written NONE', 'CVE-2022-23540', unsigned('NONE')),
  wrong('alg-none-mixed', 'the same, written nOnE', 'CVE-2022-23540', unsigned('nOnE')),
  wrong('alg-none-signed', 'no algorithm, and the right signature', 'RFC 8725 3.2', (kit) => truly(kit, { alg: 'none' })),
  wrong('alg-empty', 'an empty algorithm, no signature', 'RFC 8725 3.1', unsigned('')),
  wrong('alg-missing', 'no algorithm is named', 'RFC 7515 4.1.1', (kit) => truly(kit, { alg: undefined })),
  wrong('alg-hmac-pem', 'HS256 keyed with the public key in PEM', 'CVE-2015-9235', (kit) => hmac(kit, pemOf(kit))),
  wrong('alg-hmac-pem-trimmed', 'the same without the last line break', 'CVE-2015-9235', (kit) => hmac(kit, pemOf(kit).trim())),
  wrong('alg-hmac-jwk', 'HS256 keyed with the public key as JSON', 'RFC 8725 2.1', (kit) => hmac(kit, JSON.stringify(kit.signer.jwk))),
  wrong('alg-hmac-modulus', 'HS256 keyed with the bytes of the public key', 'RFC 8725 2.1', (kit) => {
    const { n, x, pub } = kit.signer.jwk as Partial<Record<string, string>>
    return hmac(kit, Buffer.from(n ?? x ?? pub ?? '', 'base64url'))
  }),
  wrong('alg-hmac-empty', 'HS256 keyed with nothing', 'RFC 8725 3.5', (kit) => hmac(kit, '')),
  wrong('alg-sibling', 'the right signature under another algorithm of its kind', 'RFC 8725 3.1', (kit) => truly(kit, { alg: sibling(kit) })),
  wrong('jwk-embedded', 'brings the key along that signed it', 'CVE-2018-0114', (kit) => byStranger(kit, { kid: undefined, jwk: publicMembers(kit) })),
  wrong('jwk-embedded-named', 'the same, under the name of the right key', 'CVE-2018-0114', (kit) => byStranger(kit, { jwk: { ...publicMembers(kit), kid: kit.signer.kid } })),
  wrong('jku-followed', 'says where to fetch the key that signed it', 'RFC 8725 3.10', (kit) => byStranger(kit, { kid: kit.stranger.kid, jku: kit.strangerJwks })),
  wrong('x5u-followed', 'says where to fetch the certificate', 'RFC 8725 3.10', (kit) => byStranger(kit, { kid: kit.stranger.kid, x5u: kit.strangerJwks })),
  wrong('x5c-embedded', 'brings the certificate along of the key that signed it', 'RFC 7515 4.1.6', async (kit) => {
    const certificate = await selfSigned(kit.stranger, 'stranger')
    return certificate === undefined ? undefined : byStranger(kit, { kid: undefined, x5c: [certificate.toString('base64')] })
  }),
]

function publicMembers({ stranger: { jwk } }: Kit): object {
  const { use: _use, ...members } = jwk
  return members
}
