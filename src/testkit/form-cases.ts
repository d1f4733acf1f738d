import { encodeBase64url } from '../core/encoding.ts'
import { ecdsaSignature } from './certificate.ts'
import { type Case, casesOf, inputOf, type Kit, resigned, signedBy, tokenOf, withFirst } from './kit.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
/** The order of P-256 (FIPS 186-5). */
const ORDER = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
const MEBIBYTE = 1 << 20

const header = (change: object): Case['make'] => (kit) => tokenOf(kit, change)
/** The right token, changed as a text. */
const rewritten = (change: (token: string) => string | undefined): Case['make'] =>
  async (kit) => change(await tokenOf(kit))
/** The right token with another signature. */
const signature = (change: (right: Buffer) => Uint8Array): Case['make'] => (kit) => resigned(kit, change)
/** The same, only where keys of ECDSA sign. */
const ecdsa = (change: (right: Buffer) => Uint8Array): Case['make'] => (kit) =>
  kit.signer.alg.startsWith('ES') ? resigned(kit, change) : undefined
/** Exactly these texts under the right signature. */
const texts = (make: (kit: Kit) => readonly [object | string, object | string]): Case['make'] => (kit) =>
  signedBy(kit.signer, ...make(kit))

/** Sets bits that canonical base64url leaves zero, if there are any; the decoded bytes stay the same. */
function withStrayBits(token: string): string | undefined {
  const last = ALPHABET.indexOf(token.slice(-1))
  const hasSpare = (token.split('.')[2]?.length ?? 0) % 4 !== 0
  return hasSpare ? `${token.slice(0, -1)}${ALPHABET.charAt(last ^ 1)}` : undefined
}

function flipped(right: Buffer): Buffer {
  right[10] = (right[10] ?? 0) ^ 1
  return right
}

/** The order as r and as s, each in the width that the curve of the key has. */
function orderTwice({ length }: Buffer): Buffer {
  const padded = Buffer.concat([Buffer.alloc(Math.max(0, length / 2 - ORDER.length)), ORDER])
  return Buffer.concat([padded, padded])
}

async function withOtherSignature(kit: Kit): Promise<string> {
  const [, , other] = (await tokenOf(kit, {}, { sub: 'somebody else' })).split('.')
  const [first, second] = (await tokenOf(kit)).split('.')
  return `${first}.${second}.${other}`
}

async function withOtherClaims(kit: Kit): Promise<string> {
  const [first, , third] = (await tokenOf(kit)).split('.')
  return `${first}.${encodeBase64url(JSON.stringify({ ...kit.claims, sub: 'admin', admin: true }))}.${third}`
}

function asJson(token: string): string {
  const [first, payload, third] = token.split('.')
  return JSON.stringify({ protected: first, payload, signature: third })
}

function asJwe({ claims }: Kit): string {
  const header = encodeBase64url(JSON.stringify({ alg: 'dir', enc: 'A256GCM' }))
  const other = encodeBase64url('x')
  return [header, '', other, encodeBase64url(JSON.stringify(claims)), other].join('.')
}

function nestedDeep({ unpublished, header, claims }: Kit): Promise<string> {
  const deep = `${'['.repeat(1500)}${']'.repeat(1500)}`
  return signedBy(unpublished, header, JSON.stringify({ ...claims, deep: 0 }).replace('"deep":0', `"deep":${deep}`))
}

const SIGNATURES = casesOf('refuse', [
  ['signature-empty', 'an empty signature', 'CVE-2020-28042', signature(() => Buffer.alloc(0))],
  ['signature-stripped', 'no third part at all', 'RFC 7515 5.2', ({ header, claims }) => inputOf(header, claims)],
  ['signature-flipped', 'one bit of the signature is another', 'RFC 7515 5.2', signature(flipped)],
  ['signature-truncated', 'the signature lacks its last byte', 'RFC 7515 5.2',
    signature((right) => right.subarray(0, -1))],
  ['signature-longer', 'the signature has a byte more', 'RFC 7515 5.2',
    signature((right) => Buffer.concat([right, Buffer.of(0)]))],
  ['signature-borrowed', 'the signature of another token', 'RFC 7515 5.2', withOtherSignature],
  ['payload-swapped', 'other claims over the right signature', 'RFC 7515 5.2', withOtherClaims],
  ['ecdsa-zero', 'r and s are zero', 'CVE-2022-21449', ecdsa(({ length }) => Buffer.alloc(length))],
  ['ecdsa-order', 'r and s are the order of the curve', 'CVE-2022-21449', ecdsa(orderTwice)],
  ['ecdsa-der', 'the signature is in DER', 'RFC 7518 3.4', ecdsa(ecdsaSignature)],
])

const ENCODINGS = casesOf('refuse', [
  ['base64-stray', 'bits are set that no byte uses', 'RFC 7515 2, RFC 4648 3.5', rewritten(withStrayBits), 'should'],
  ['base64-padded', 'padding behind the signature', 'RFC 7515 2', rewritten((token) => `${token}==`), 'should'],
  ['base64-space', 'a space in the signature', 'RFC 7515 2',
    rewritten((token) => token.replace(/(.{4})$/, ' $1')), 'should'],
  ['crit-unknown', 'a critical extension that nobody knows', 'RFC 7515 4.1.11',
    header({ crit: ['urn:example:x'], 'urn:example:x': true })],
  ['crit-empty', 'an empty list of critical extensions', 'RFC 7515 4.1.11', header({ crit: [] })],
  ['b64-false', 'the payload is not encoded', 'RFC 7797 6', header({ b64: false, crit: ['b64'] })],
  ['typ-other', 'a logout token in place of an access token', 'RFC 8725 3.11', header({ typ: 'logout+jwt' }), 'should'],
  ['duplicate-sub', 'sub twice, first as admin', 'RFC 7519 4',
    texts(({ header, claims }) => [header, withFirst('"sub":"admin"', claims)]), 'should'],
  ['duplicate-alg', 'alg twice, first as none', 'RFC 7515 4',
    texts(({ header, claims }) => [withFirst('"alg":"none"', header), claims]), 'should'],
])

const SHAPES = casesOf('refuse', [
  ['json-serialization', 'a JWS as JSON', 'CVE-2022-39227', rewritten(asJson)],
  ['jwe-shape', 'five parts, as if encrypted', 'RFC 7516 7.1', asJwe],
  ['nested-deep', 'claims nest 1,500 deep, under an unpublished key', 'RFC 8725 3.10', nestedDeep],
  ['token-large', 'a megabyte of claims', 'RFC 8725 3.10', (kit) => tokenOf(kit, {}, { large: 'x'.repeat(MEBIBYTE) })],
  ['header-text', 'the header is no JSON', 'RFC 7519 7.2', texts(({ claims }) => ['header', claims])],
  ['header-list', 'the header is a list', 'RFC 7519 7.2',
    texts(({ header, claims }) => [JSON.stringify([header]), claims])],
  ['claims-text', 'claims that are no JSON, rightly signed', 'RFC 7519 7.2', texts(({ header }) => [header, 'claims'])],
  ['claims-null', 'claims that are null, rightly signed', 'RFC 7519 7.2', texts(({ header }) => [header, 'null'])],
  ['token-text', 'no token at all', 'RFC 6750 2.1', () => 'not-a-token'],
])

/** Tokens whose signature or form is not right. */
export const FORM_CASES: readonly Case[] = [...SIGNATURES, ...ENCODINGS, ...SHAPES]
