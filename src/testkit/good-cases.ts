import { type Case, type Kit, signedBy, truly } from './kit.ts'

const right = (name: string, what: string, rule: string, make: Case['make'], level: Case['level'] = 'must'): Case =>
  ({ name, what, rule, expected: 'accept', level, make })

const audiences = ({ claims: { aud } }: Kit): readonly string[] => typeof aud === 'string' ? [aud] : aud

/** Tokens that a verifier must accept, however unusual they are: one that refuses everything is no verifier. */
export const GOOD_CASES: readonly Case[] = [
  right('good-plain', 'nothing unusual', 'RFC 7519 7.2', (kit) => truly(kit)),
  right('good-audience-list', 'for a list of APIs with this one in it', 'RFC 7519 4.1.3', (kit) => truly(kit, {}, { aud: ['https://other.example', ...audiences(kit)] })),
  right('good-claims', 'claims that nobody knows', 'RFC 7519 4.3', (kit) => truly(kit, {}, { 'https://example.com/x': { y: [1, null, 'z'] }, empty: '' })),
  right('good-unicode', 'claims in every script, and escaped', 'RFC 8259 8.1', (kit) => signedBy(kit.signer, kit.header, JSON.stringify({ ...kit.claims, name: 'Ünï→😀' }).replace('"iss"', '"\\u0069ss"'))),
  right('good-spaces', 'JSON with white space', 'RFC 8259 2', (kit) => signedBy(kit.signer, JSON.stringify(kit.header, undefined, 2), JSON.stringify(kit.claims, undefined, '\t'))),
  right('good-nbf-missing', 'without nbf, which is optional', 'RFC 7519 4.1.5', (kit) => truly(kit, {}, { nbf: undefined })),
  right('good-header', 'a header member that nobody knows, and that is not critical', 'RFC 7515 4', (kit) => truly(kit, { 'x5t#S256': 'AAAA', 'vendor': 1 })),
  right('good-expiring', 'expires in five seconds', 'RFC 7519 4.1.4', (kit) => truly(kit, {}, { exp: Math.floor(kit.now) + 5 })),
  right('good-long', 'claims of four kilobytes', 'RFC 7519', (kit) => truly(kit, {}, { groups: Array.from({ length: 100 }, (_none, at) => `group-${at}-${'x'.repeat(25)}`) })),
  right('good-fraction', 'times with fractions of a second', 'RFC 7519 2', (kit) => truly(kit, {}, { exp: kit.now + 300.5, nbf: Math.floor(kit.now) - 60.25 }), 'should'),
  right('good-ahead', 'issued by a clock that is five seconds ahead', 'RFC 7519 4.1.5', (kit) => truly(kit, {}, { iat: Math.floor(kit.now) + 5, nbf: Math.floor(kit.now) + 5 }), 'should'),
  right('good-typ-missing', 'without typ, which is optional outside RFC 9068', 'RFC 7515 4.1.9', (kit) => truly(kit, { typ: undefined }), 'should'),
  right('good-other-key', 'by another key that is published', 'RFC 7517 5', (kit) => {
    const other = kit.published.find(({ kid }) => kid !== kit.signer.kid)
    return other === undefined ? undefined : signedBy(other, { ...kit.header, alg: other.alg, kid: other.kid }, kit.claims)
  }),
]
