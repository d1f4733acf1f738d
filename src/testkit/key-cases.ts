import { ALGORITHMS } from '../jose/algorithm.ts'
import { selfSigned } from './certificate.ts'
import { byUnpublished, type Case, casesOf, hmac, inputOf, type Kit, pemOf, signedBy, tokenOf } from './kit.ts'

/** The header names an algorithm, and there is no signature. */
const unsigned = (alg: string): Case['make'] => (kit) => `${inputOf({ ...kit.header, alg }, kit.claims)}.`
/** A header over the right signature, or over that of the unpublished key. */
const signed = (header: (kit: Kit) => object): Case['make'] => (kit) => tokenOf(kit, header(kit))
const forged = (header: (kit: Kit) => object): Case['make'] => (kit) => byUnpublished(kit, header(kit))
const keyedWith = (secret: (kit: Kit) => Uint8Array | string, header: object = {}): Case['make'] =>
  (kit) => hmac(kit, secret(kit), header)

/** Another algorithm that keys of this kind could have, if verifiers believed the header. */
function sibling({ signer: { alg } }: Kit): string {
  const kty = ALGORITHMS.get(alg)?.kty
  const other = [...ALGORITHMS.values()].find((row) => row.kty === kty && row.alg !== alg)
  return alg === 'RS256' ? 'PS256' : other?.alg ?? 'RS256'
}

function longExpired({ unpublished, header, claims, now }: Kit): Promise<string> {
  const [begin, exp] = [Math.floor(now) - 7200, Math.floor(now) - 3600]
  return signedBy(unpublished, { ...header, kid: unpublished.kid }, { ...claims, iat: begin, nbf: begin, exp })
}

function underOtherKid(kit: Kit): ReturnType<Case['make']> {
  const other = kit.published.find(({ kid }) => kid !== kit.signer.kid)
  return other === undefined ? undefined : tokenOf(kit, { kid: other.kid })
}

/** The bytes of the public key. */
function keyBytes({ signer: { jwk } }: Kit): Buffer {
  const { n, x, pub } = jwk as Partial<Record<string, string>>
  return Buffer.from(n ?? x ?? pub ?? '', 'base64url')
}

function unpublishedJwk({ unpublished: { jwk } }: Kit): object {
  const { use: _use, ...members } = jwk
  return members
}

async function withCertificate(kit: Kit): Promise<string | undefined> {
  const certificate = await selfSigned(kit.unpublished, 'unpublished')
  return certificate && byUnpublished(kit, { kid: undefined, x5c: [certificate.toString('base64')] })
}

const KIDS = casesOf('refuse', [
  ['key-unknown', 'by an unpublished key, under its own kid', 'RFC 7515 6',
    forged(({ unpublished: { kid } }) => ({ kid }))],
  ['key-expired', 'by such a key, and long expired', 'RFC 7519 4.1.4', longExpired],
  ['key-forged', 'by an unpublished key, under the kid of the right one', 'RFC 7515 5.2', forged(() => ({}))],
  ['key-unnamed', 'by an unpublished key, without a kid', 'RFC 7515 4.1.4', forged(() => ({ kid: undefined }))],
  ['key-confused', 'by the right key, under the kid of another one', 'RFC 7515 4.1.4', underOtherKid],
  ['kid-path', 'kid leads to an empty file, whose content is the secret', 'RFC 8725 3.10',
    keyedWith(() => '', { kid: '../../../../../../dev/null' })],
  ['kid-sql', 'kid asks a database for the secret', 'RFC 8725 3.10',
    keyedWith(() => 'secret', { kid: "' UNION SELECT 'secret' -- " })],
  ['kid-nul', 'kid is the right one, a NUL and more', 'RFC 8725 3.10',
    forged(({ signer }) => ({ kid: `${signer.kid}\u0000x` }))],
  ['kid-prototype', 'kid is a member that every object has', 'RFC 8725 3.10', forged(() => ({ kid: '__proto__' }))],
  ['kid-object', 'kid is no text', 'RFC 7515 4.1.4', forged(() => ({ kid: { toString: 'x' } }))],
])

const ALGS = casesOf('refuse', [
  ['alg-none', 'no algorithm, no signature', 'RFC 8725 3.2', unsigned('none')],
  ['alg-none-capital', 'the same, written None', 'CVE-2022-23540', unsigned('None')],
  ['alg-none-capitals', 'the same, written NONE', 'CVE-2022-23540', unsigned('NONE')],
  ['alg-none-mixed', 'the same, written nOnE', 'CVE-2022-23540', unsigned('nOnE')],
  ['alg-none-signed', 'no algorithm, and the right signature', 'RFC 8725 3.2', signed(() => ({ alg: 'none' }))],
  ['alg-empty', 'an empty algorithm, no signature', 'RFC 8725 3.1', unsigned('')],
  ['alg-missing', 'no algorithm is named', 'RFC 7515 4.1.1', signed(() => ({ alg: undefined }))],
  ['alg-hmac-pem', 'HS256 keyed with the public key in PEM', 'CVE-2015-9235', keyedWith(pemOf)],
  ['alg-hmac-pem-trimmed', 'the same without the last line break', 'CVE-2015-9235',
    keyedWith((kit) => pemOf(kit).trim())],
  ['alg-hmac-jwk', 'HS256 keyed with the public key as JSON', 'RFC 8725 2.1',
    keyedWith(({ signer }) => JSON.stringify(signer.jwk))],
  ['alg-hmac-modulus', 'HS256 keyed with the bytes of the public key', 'RFC 8725 2.1', keyedWith(keyBytes)],
  ['alg-hmac-empty', 'HS256 keyed with nothing', 'RFC 8725 3.5', keyedWith(() => '')],
  ['alg-sibling', 'the right signature under another algorithm of its kind', 'RFC 8725 3.1',
    signed((kit) => ({ alg: sibling(kit) }))],
])

const BROUGHT = casesOf('refuse', [
  ['jwk-embedded', 'the header holds the unpublished key that signed it', 'CVE-2018-0114',
    forged((kit) => ({ kid: undefined, jwk: unpublishedJwk(kit) }))],
  ['jwk-embedded-named', 'the same, under the kid of the right key', 'CVE-2018-0114',
    forged((kit) => ({ jwk: { ...unpublishedJwk(kit), kid: kit.signer.kid } }))],
  ['jku-followed', 'the header says where to fetch the key that signed it', 'RFC 8725 3.10',
    forged(({ unpublished: { kid }, attackerJwksUrl: jku }) => ({ kid, jku }))],
  ['x5u-followed', 'the header says where to fetch the certificate', 'RFC 8725 3.10',
    forged(({ unpublished: { kid }, attackerJwksUrl: x5u }) => ({ kid, x5u }))],
  ['x5c-embedded', 'the header holds the certificate of the key that signed it', 'RFC 7515 4.1.6', withCertificate],
])

/** Tokens whose key or algorithm is not the one that was published for them. */
export const KEY_CASES: readonly Case[] = [...KIDS, ...ALGS, ...BROUGHT]
