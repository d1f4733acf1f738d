import { encodeBase64url } from '../core/base64url.ts'
import { ecdsaSignature } from './certificate.ts'
import { type Case, inputOf, type Kit, opening, resigned, signedBy, truly } from './kit.ts'

const wrong = (name: string, what: string, rule: string, make: Case['make'], level: Case['level'] = 'must'): Case =>
  ({ name, what, rule, expected: 'refuse', level, make })

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Sets bits that canonical base64url leaves zero; the decoded bytes stay the same. */
function stray(text: string): string {
  return `${text.slice(0, -1)}${ALPHABET.charAt(ALPHABET.indexOf(text.slice(-1)) ^ 1)}`
}

const isEcdsa = ({ signer }: Kit): boolean => signer.alg.startsWith('ES')

/** An ECDSA signature by these two numbers; only where keys of that kind sign. */
const ecdsa = (make: (width: number) => Uint8Array): Case['make'] => (kit) =>
  isEcdsa(kit) ? resigned(kit, (signature) => make(signature.length / 2)) : undefined

/** The order of P-256 (FIPS 186-5). */
const ORDER = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')

/** Tokens whose signature or form is not right. */
export const FORM_CASES: readonly Case[] = [
  wrong('signature-empty', 'an empty signature', 'CVE-2020-28042', (kit) => `${inputOf(kit.header, kit.claims)}.`),
  wrong('signature-stripped', 'no third part at all', 'RFC 7515 5.2', (kit) => inputOf(kit.header, kit.claims)),
  wrong('signature-flipped', 'one bit of the signature is another', 'RFC 7515 5.2', (kit) => resigned(kit, (signature) => {
    signature[10] = (signature[10] ?? 0) ^ 1
    return signature
  })),
  wrong('signature-truncated', 'the signature lacks its last byte', 'RFC 7515 5.2', (kit) => resigned(kit, (signature) => signature.subarray(0, -1))),
  wrong('signature-longer', 'the signature has a byte more', 'RFC 7515 5.2', (kit) => resigned(kit, (signature) => Buffer.concat([signature, Buffer.from([0])]))),
  wrong('signature-borrowed', 'the signature of another token', 'RFC 7515 5.2', async (kit) => {
    const [header, payload] = (await truly(kit)).split('.')
    return `${header}.${payload}.${(await truly(kit, {}, { sub: 'somebody else' })).split('.')[2]}`
  }),
  wrong('payload-swapped', 'other claims over the right signature', 'RFC 7515 5.2', async (kit) => {
    const [header, , signature] = (await truly(kit)).split('.')
    return `${header}.${encodeBase64url(JSON.stringify({ ...kit.claims, sub: 'admin', admin: true }))}.${signature}`
  }),
  wrong('ecdsa-zero', 'r and s are zero', 'CVE-2022-21449', ecdsa((width) => Buffer.alloc(2 * width))),
  wrong('ecdsa-order', 'r and s are the order of the curve', 'CVE-2022-21449', ecdsa((width) => Buffer.concat([ORDER, ORDER].map((number) => Buffer.concat([Buffer.alloc(Math.max(0, width - 32)), number]))))),
  wrong('ecdsa-der', 'the signature is in DER', 'RFC 7518 3.4', (kit) => isEcdsa(kit) ? resigned(kit, ecdsaSignature) : undefined),
  wrong('base64-stray', 'bits are set that no byte uses', 'RFC 7515 2, RFC 4648 3.5', async (kit) => {
    // Only where the last character of the signature has bits to spare.
    const token = await truly(kit)
    return (token.split('.')[2]?.length ?? 0) % 4 === 0 ? undefined : stray(token)
  }, 'should'),
  wrong('base64-padded', 'padding behind the signature', 'RFC 7515 2', async (kit) => `${await truly(kit)}==`, 'should'),
  wrong('base64-space', 'a space in the signature', 'RFC 7515 2', async (kit) => (await truly(kit)).replace(/(.{4})$/, ' $1'), 'should'),
  wrong('crit-unknown', 'a critical extension that nobody knows', 'RFC 7515 4.1.11', (kit) => truly(kit, { crit: ['urn:example:x'], 'urn:example:x': true })),
  wrong('crit-empty', 'an empty list of critical extensions', 'RFC 7515 4.1.11', (kit) => truly(kit, { crit: [] })),
  wrong('b64-false', 'the payload is not encoded', 'RFC 7797 6', (kit) => truly(kit, { b64: false, crit: ['b64'] })),
  wrong('typ-other', 'a logout token in place of an access token', 'RFC 8725 3.11', (kit) => truly(kit, { typ: 'logout+jwt' }), 'should'),
  wrong('duplicate-sub', 'sub twice, first as admin', 'RFC 7519 4', (kit) => signedBy(kit.signer, kit.header, opening(kit.claims, '"sub":"admin"')), 'should'),
  wrong('duplicate-alg', 'alg twice, first as none', 'RFC 7515 4', (kit) => signedBy(kit.signer, opening(kit.header, '"alg":"none"'), kit.claims), 'should'),
  wrong('json-serialization', 'a JWS as JSON', 'CVE-2022-39227', async (kit) => {
    const [header, payload, signature] = (await truly(kit)).split('.')
    return JSON.stringify({ protected: header, payload, signature })
  }),
  wrong('jwe-shape', 'five parts, as if encrypted', 'RFC 7516 7.1', (kit) =>
    [{ alg: 'dir', enc: 'A256GCM' }, '', 'x', kit.claims, 'x'].map((part) => encodeBase64url(typeof part === 'string' ? part : JSON.stringify(part))).join('.')),
  wrong('nested-deep', 'claims nest 1,500 deep, under a signature of nobody', 'RFC 8725 3.10', (kit) =>
    signedBy(kit.stranger, kit.header, JSON.stringify({ ...kit.claims, deep: 0 }).replace(/"deep":0/, `"deep":${'['.repeat(1500)}${']'.repeat(1500)}`))),
  wrong('token-large', 'a megabyte of claims', 'RFC 8725 3.10', (kit) => truly(kit, {}, { large: 'x'.repeat(1 << 20) })),
  wrong('header-text', 'the header is no JSON', 'RFC 7519 7.2', (kit) => signedBy(kit.signer, 'header', kit.claims)),
  wrong('header-list', 'the header is a list', 'RFC 7519 7.2', (kit) => signedBy(kit.signer, JSON.stringify([kit.header]), kit.claims)),
  wrong('claims-text', 'the claims are no JSON, and truly signed', 'RFC 7519 7.2', (kit) => signedBy(kit.signer, kit.header, 'claims')),
  wrong('claims-null', 'the claims are null, and truly signed', 'RFC 7519 7.2', (kit) => signedBy(kit.signer, kit.header, 'null')),
  wrong('token-text', 'no token at all', 'RFC 6750 2.1', () => 'not-a-token'),
]
