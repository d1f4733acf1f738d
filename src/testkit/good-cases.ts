import { type Case, casesOf, type Kit, signedBy, tokenOf } from './kit.ts'

const claims = (change: (kit: Kit) => object): Case['make'] => (kit) => tokenOf(kit, {}, change(kit))
const header = (change: object): Case['make'] => (kit) => tokenOf(kit, change)

const audiences = ({ claims: { aud } }: Kit): readonly string[] => typeof aud === 'string' ? [aud] : aud
const groups = Array.from({ length: 100 }, (_none, at) => `group-${at}-${'x'.repeat(25)}`)

const escaped: Case['make'] = ({ signer, header, claims }) =>
  signedBy(signer, header, JSON.stringify({ ...claims, name: 'Ünï→😀' }).replace('"iss"', '"\\u0069ss"'))
const spaced: Case['make'] = ({ signer, header, claims }) =>
  signedBy(signer, JSON.stringify(header, undefined, 2), JSON.stringify(claims, undefined, '\t'))

function byOtherPublished({ signer, published, header, claims }: Kit): ReturnType<Case['make']> {
  const other = published.find(({ kid }) => kid !== signer.kid)
  return other === undefined ? undefined : signedBy(other, { ...header, alg: other.alg, kid: other.kid }, claims)
}

/** Tokens that a verifier must accept, however unusual they are: one that refuses everything is no verifier. */
export const GOOD_CASES: readonly Case[] = casesOf('accept', [
  ['good-plain', 'nothing unusual', 'RFC 7519 7.2', header({})],
  ['good-audience-list', 'for a list of APIs with this one in it', 'RFC 7519 4.1.3',
    claims((kit) => ({ aud: ['https://other.example', ...audiences(kit)] }))],
  ['good-claims', 'claims that nobody knows', 'RFC 7519 4.3',
    claims(() => ({ 'https://example.com/x': { y: [1, null, 'z'] }, empty: '' }))],
  ['good-unicode', 'claims in every script, and escaped', 'RFC 8259 8.1', escaped],
  ['good-spaces', 'JSON with white space', 'RFC 8259 2', spaced],
  ['good-nbf-missing', 'without nbf, which is optional', 'RFC 7519 4.1.5', claims(() => ({ nbf: undefined }))],
  ['good-header', 'a header member that nobody knows, and that is not critical', 'RFC 7515 4',
    header({ 'x5t#S256': 'AAAA', vendor: 1 })],
  ['good-expiring', 'expires in five seconds', 'RFC 7519 4.1.4', claims(({ now }) => ({ exp: Math.floor(now) + 5 }))],
  ['good-long', 'claims of four kilobytes', 'RFC 7519', claims(() => ({ groups }))],
  ['good-fraction', 'times with fractions of a second', 'RFC 7519 2',
    claims(({ now }) => ({ exp: now + 300.5, nbf: Math.floor(now) - 60.25 })), 'should'],
  ['good-ahead', 'issued by a clock that is five seconds ahead', 'RFC 7519 4.1.5',
    claims(({ now }) => ({ iat: Math.floor(now) + 5, nbf: Math.floor(now) + 5 })), 'should'],
  ['good-typ-missing', 'without typ, which is optional outside RFC 9068', 'RFC 7515 4.1.9',
    header({ typ: undefined }), 'should'],
  ['good-other-key', 'by another key that is published', 'RFC 7517 5', byOtherPublished],
])
