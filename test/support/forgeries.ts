import { createPublicKey, generateKeyPairSync, type JsonWebKey, sign } from 'node:crypto'
import { encodeBase64url } from '../../src/core/encoding.ts'
import { CATALOGUE } from '../../src/testkit/catalogue.ts'
import {
  byUnpublished, type Case, hmac, inputOf, type Kit, resigned, signedBy, tokenOf, withFirst,
} from '../../src/testkit/kit.ts'

/** One way to make a token that nobody may accept, and the rule of docs/rules.md that it breaks. */
export interface Forgery {
  readonly name: string
  readonly rule: string
  readonly make: Case['make']
}

/** The rules that the cases of the catalogue break, by how their names begin; the first that fits. */
const RULES: readonly (readonly [RegExp, string])[] = [
  [/^alg-none/, 'B2'], [/^alg-hmac/, 'B3'], [/^(?:alg|key)-/, 'B1'], [/^kid-/, 'B18'], [/^(?:jwk|jku|x5)/, 'B4'],
  [/^crit-/, 'B5'], [/^b64-/, 'B6'], [/^(?:signature-stripped|json|jwe|header|claims|token-text)/, 'B7'],
  [/^base64-/, 'B8'], [/^duplicate-/, 'B9'], [/^ecdsa-der/, 'A4'], [/^(?:signature|payload|ecdsa)-/, 'B10'],
  [/^issuer-/, 'B13'], [/^audience-/, 'B14'], [/^(?:exp|nbf|not-yet|issued)/, 'B15'],
  [/^(?:nested|token-large)/, 'B17'], [/^typ-/, 'A14'],
]

const CASES: readonly Forgery[] = [...CATALOGUE.values()].filter(({ expected }) => expected === 'refuse').map((one) => {
  const [, rule] = RULES.find(([pattern]) => pattern.test(one.name)) ?? []
  if (rule === undefined) throw new Error(`No rule is known for ${one.name}. Add it to RULES`)
  return { ...one, rule }
})

/** A member of the header or a claim is another one, under the right signature. */
export const header = (name: string, rule: string, change: object): Forgery =>
  ({ name, rule, make: (kit) => tokenOf(kit, change) })
export const claim = (name: string, rule: string, change: (kit: Kit) => object): Forgery =>
  ({ name, rule, make: (kit) => tokenOf(kit, {}, change(kit)) })
/** The right token, changed as a text. */
const token = (name: string, change: (token: string) => string): Forgery =>
  ({ name, rule: 'B8', make: async (kit) => change(await tokenOf(kit)) })
/** Another signature, of which r and s are given. */
const signature = (name: string, change: (r: Buffer, s: Buffer) => readonly Buffer[]): Forgery => ({
  name, rule: 'B10',
  make: (kit) => resigned(kit, (right) => Buffer.concat(change(right.subarray(0, 32), right.subarray(32)))),
})
/** Exactly these texts under the right signature. */
const texts = (name: string, rule: string, make: (kit: Kit) => readonly [object | string, object | string]): Forgery =>
  ({ name, rule, make: (kit) => signedBy(kit.signer, ...make(kit)) })
/** A claim whose value is exactly this text, under the right signature. */
const raw = (name: string, member: string, value: string): Forgery =>
  texts(name, 'B17', (kit) => [kit.header, JSON.stringify({ ...kit.claims, [member]: 'X' }).replace('"X"', value)])
/** The audience of the right token, or the first of several. */
const audience = ({ claims: { aud } }: Kit): string => typeof aud === 'string' ? aud : aud[0] ?? ''

const ZERO = Buffer.alloc(32)

function byRsa({ header, claims }: Kit): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const input = inputOf({ ...header, alg: 'RS256' }, claims)
  return `${input}.${encodeBase64url(sign('sha256', Buffer.from(input), privateKey))}`
}

function derOf({ signer: { jwk: { kid: _kid, use: _use, alg: _alg, ...members } } }: Kit): Buffer {
  return createPublicKey({ key: members as JsonWebKey, format: 'jwk' }).export({ format: 'der', type: 'spki' })
}

/** The first part has bits that no byte uses; the signature is over exactly that. */
async function strayInHeader({ header, claims, signer }: Kit): Promise<string> {
  let text = JSON.stringify(header)
  while (text.length % 3 === 0) text += ' '
  const [first = '', second] = inputOf(text, claims).split('.')
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const input = `${first.slice(0, -1)}${alphabet[alphabet.indexOf(first.slice(-1)) ^ 1]}.${second}`
  return `${input}.${encodeBase64url(await signer.sign(Buffer.from(input)))}`
}

async function inStandardBase64(kit: Kit): Promise<string> {
  for (let salt = 0; ; salt += 1) {
    const [first, second, third = ''] = (await tokenOf(kit, {}, { salt })).split('.')
    if (/[-_]/.test(third)) return `${first}.${second}.${third.replaceAll('-', '+').replaceAll('_', '/')}`
  }
}

async function inMixedForm(kit: Kit): Promise<string> {
  const [first, ...rest] = (await tokenOf(kit)).split('.')
  return [JSON.stringify({ protected: first }), ...rest].join('.')
}

async function withBadUtf8({ header, claims, signer }: Kit): Promise<string> {
  const bytes = Buffer.from(withFirst('"x":"\u00ff"', header), 'latin1')
  const input = `${encodeBase64url(bytes)}.${encodeBase64url(JSON.stringify(claims))}`
  return `${input}.${encodeBase64url(await signer.sign(Buffer.from(input)))}`
}

/** What the catalogue lacks, since it is about us alone: our bounds, our strictness, our algorithm. */
const OURS: readonly Forgery[] = [
  ...['RS256', 'ES384', 'PS256', 'EdDSA', 'ES256K', 'HS256', 'es256', 'ES256 ', ''].map((alg) =>
    header(`the right signature under alg ${JSON.stringify(alg)}`, 'B1', { alg })),
  header('an alg that is no text', 'B1', { alg: ['ES256'] }),
  { name: 'RS256 by an RSA key of an attacker', rule: 'B1', make: byRsa },
  { name: 'HS256 keyed with the public key as DER', rule: 'B3', make: (kit) => hmac(kit, derOf(kit)) },
  ...['jku', 'x5u'].map((member): Forgery => ({
    name: `${member} of an attacker, under the right kid`, rule: 'B4',
    make: (kit) => byUnpublished(kit, { [member]: kit.attackerJwksUrl }),
  })),
  { name: 'x5c that is no certificate', rule: 'B4', make: (kit) => byUnpublished(kit, { x5c: ['MIIB'] }) },
  ...[['exp'], ['b64'], 'exp', ['unknown']].map((crit) =>
    header(`crit ${JSON.stringify(crit)}`, 'B5', { crit, exp: 1 })),
  header('b64 false', 'B6', { b64: false }),
  { name: 'a mixed form', rule: 'B7', make: inMixedForm },
  token('a fourth part', (right) => `${right}.`),
  token('a fourth and a fifth part', (right) => `${right}.AA.AA`),
  token('white space at the end', (right) => `${right}\n`),
  token('white space at the start', (right) => ` ${right}`),
  { name: 'stray bits in the header', rule: 'B8', make: strayInHeader },
  { name: 'standard base64 in the signature', rule: 'B8', make: inStandardBase64 },
  texts('sub twice, once escaped', 'B9', ({ header, claims }) => [header, withFirst('"\\u0073ub":"admin"', claims)]),
  texts('exp twice', 'B9', ({ header, claims }) => [header, withFirst('"exp":9999999999', claims)]),
  texts('__proto__ in the claims', 'D9', ({ header, claims }) =>
    [header, withFirst('"__proto__":{"sub":"admin"}', claims)]),
  texts('__proto__ in the header', 'D9', ({ header, claims }) =>
    [withFirst('"__proto__":{"alg":"none"}', header), claims]),
  signature('half a signature', (r) => [r]),
  signature('r right and s zero', (r) => [r, ZERO]),
  signature('r zero and s right', (_r, s) => [ZERO, s]),
  signature('r and s exchanged', (r, s) => [s, r]),
  claim('exp a second ago', 'B15', ({ now }) => ({ exp: Math.floor(now) - 1 })),
  claim('exp now', 'B15', ({ now }) => ({ exp: now })),
  claim('iat as a text', 'B15', ({ now }) => ({ iat: String(now) })),
  raw('exp beyond any number', 'exp', '1e999'),
  raw('exp beyond exact numbers', 'exp', '9007199254740993'),
  ...['.example', ':443', '#', '?', ' ', '%00'].map((end) =>
    claim(`an issuer that ends in ${JSON.stringify(end)}`, 'B13', ({ claims: { iss } }) => ({ iss: `${iss}${end}` }))),
  claim('the issuer alone in a list', 'B13', ({ claims: { iss } }) => ({ iss: [iss] })),
  raw('a nest of a hundred', 'deep', `${'['.repeat(100)}${']'.repeat(100)}`),
  claim('more than 16 KiB', 'B17', () => ({ large: 'x'.repeat(12_500) })),
  ...[1, null, ['a'], {}, '../../etc/passwd', '__proto__', 'constructor', "' OR 1=1 --", '\u0000', ''].map((kid) =>
    header(`kid ${JSON.stringify(kid)}`, 'B18', { kid })),
  header('typ that is no text', 'A14', { typ: 1 }),
  { name: 'a header that is no UTF-8', rule: 'A13', make: withBadUtf8 },
  texts('claims that are a list', 'B7', ({ header, claims }) => [header, JSON.stringify([claims])]),
  texts('claims with a lone surrogate', 'A13', ({ header, claims }) => [header, withFirst('"x":"\\ud800"', claims)]),
  texts('no claims', 'B7', ({ header }) => [header, '']),
]

/** What nobody may accept, whatever the token is for. */
export const FORGERIES: readonly Forgery[] = [...CASES.filter(({ rule }) => rule !== 'B14'), ...OURS]

/** Near misses of the audience, where only one is right. */
export const AUDIENCES: readonly Forgery[] = [
  ...CASES.filter(({ rule }) => rule === 'B14'),
  claim('an empty audience', 'B14', () => ({ aud: '' })),
  claim('an audience with a slash', 'B14', (kit) => ({ aud: `${audience(kit)}/` })),
  claim('an audience in capitals', 'B14', (kit) => ({ aud: audience(kit).toUpperCase() })),
  claim('a list with something else than texts', 'B14', (kit) => ({ aud: [audience(kit), 1] })),
]
