import { createHmac, createPublicKey, createSign, generateKeyPairSync, type JsonWebKey, sign } from 'node:crypto'

/** Everything that goes into a token that is right, so that one thing at a time can be made wrong. */
export interface Kit {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  /** Signs under the right key, with ES256. */
  readonly sign: (data: Uint8Array) => Promise<Uint8Array>
  readonly jwk: Readonly<Record<string, string>>
  /** Seconds since the epoch, as the server has it. */
  readonly now: number
}

/** One way to make a token that nobody may accept. */
export interface Forgery {
  readonly name: string
  readonly rule: string
  readonly make: (kit: Kit) => string | Promise<string>
}

/** Base64url of bytes or text. */
export const b64 = (content: Uint8Array | string): string => Buffer.from(content).toString('base64url')

/** A token that is right, or wrong only in what is overridden. */
export async function truly(kit: Kit, header: object = {}, claims: object = {}): Promise<string> {
  return await signed(kit, JSON.stringify({ ...kit.header, ...header }), JSON.stringify({ ...kit.claims, ...claims }))
}

/** A token over exactly these texts, signed by the right key. */
export async function signed(kit: Kit, header: Uint8Array | string, payload: Uint8Array | string): Promise<string> {
  const input = `${b64(header)}.${b64(payload)}`
  return `${input}.${b64(await kit.sign(Buffer.from(input)))}`
}

const attacker = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const attackerJwk = attacker.publicKey.export({ format: 'jwk' })
const attackerRsa = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** The right claims under the key of somebody else. */
function byAttacker(kit: Kit, header: object): string {
  const input = `${b64(JSON.stringify({ ...kit.header, ...header }))}.${b64(JSON.stringify(kit.claims))}`
  return `${input}.${b64(sign('sha256', Buffer.from(input), { key: attacker.privateKey, dsaEncoding: 'ieee-p1363' }))}`
}

/** An HMAC keyed with what everybody can read. */
function hmac(kit: Kit, secret: Uint8Array | string): string {
  const input = `${b64(JSON.stringify({ ...kit.header, alg: 'HS256' }))}.${b64(JSON.stringify(kit.claims))}`
  return `${input}.${b64(createHmac('sha256', secret).update(input).digest())}`
}

/** The right token with another signature. */
function withSignature(make: (signature: Buffer) => Uint8Array | string): Forgery['make'] {
  return async (kit) => {
    const [header, payload, signature = ''] = (await truly(kit)).split('.')
    const made = make(Buffer.from(signature, 'base64url'))
    return `${header}.${payload}.${typeof made === 'string' ? made : b64(made)}`
  }
}

function keyOf({ jwk }: Kit): ReturnType<typeof createPublicKey> {
  const { kty, crv, x, y } = jwk
  return createPublicKey({ key: { kty, crv, x, y } as JsonWebKey, format: 'jwk' })
}

/** Flips bits that canonical base64url leaves zero. */
function stray(text: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return text.slice(0, -1) + alphabet[alphabet.indexOf(text.at(-1) ?? 'A') ^ 1]
}

const ORDER = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')

/** The header changed, the claims right, truly signed. */
const header = (name: string, rule: string, change: object): Forgery => ({ name, rule, make: (kit) => truly(kit, change) })
/** A claim changed, truly signed. */
const claim = (name: string, rule: string, change: (kit: Kit) => object): Forgery => ({ name, rule, make: (kit) => truly(kit, {}, change(kit)) })
const text = (name: string, rule: string, make: (kit: Kit) => string | Promise<string>): Forgery => ({ name, rule, make })

/** What nobody may accept, whatever the token is for. */
export const FORGERIES: readonly Forgery[] = [
  ...['none', 'None', 'NONE', 'nOnE'].map((alg) =>
    text(`alg ${alg} without a signature`, 'B2', (kit) => `${b64(JSON.stringify({ ...kit.header, alg }))}.${b64(JSON.stringify(kit.claims))}.`)),
  header('alg none with a signature', 'B2', { alg: 'none' }),
  text('HS256 keyed with the public key as PEM', 'B3', (kit) => hmac(kit, keyOf(kit).export({ format: 'pem', type: 'spki' }))),
  text('HS256 keyed with the public key as DER', 'B3', (kit) => hmac(kit, keyOf(kit).export({ format: 'der', type: 'spki' }))),
  text('HS256 keyed with the public key as JWK', 'B3', (kit) => hmac(kit, JSON.stringify(kit.jwk))),
  text('HS256 keyed with nothing', 'B3', (kit) => hmac(kit, '')),
  ...['RS256', 'ES384', 'PS256', 'EdDSA', 'ES256K', 'HS256', 'es256', 'ES256 ', ''].map((alg) => header(`the right signature under alg ${JSON.stringify(alg)}`, 'B1', { alg })),
  header('an alg that is no text', 'B1', { alg: ['ES256'] }),
  header('no alg', 'B1', { alg: undefined }),
  text('the key of an attacker', 'B1', (kit) => byAttacker(kit, {})),
  text('the key of an attacker, without kid', 'B1', (kit) => byAttacker(kit, { kid: undefined })),
  text('RS256 by an RSA key of an attacker', 'B1', (kit) => {
    const input = `${b64(JSON.stringify({ ...kit.header, alg: 'RS256' }))}.${b64(JSON.stringify(kit.claims))}`
    return `${input}.${b64(createSign('sha256').update(input).sign(attackerRsa.privateKey))}`
  }),
  text('jwk of an attacker', 'B4', (kit) => byAttacker(kit, { jwk: attackerJwk })),
  text('jwk of an attacker, without kid', 'B4', (kit) => byAttacker(kit, { jwk: attackerJwk, kid: undefined })),
  text('jku of an attacker', 'B4', (kit) => byAttacker(kit, { jku: 'http://127.0.0.1:9/keys' })),
  text('x5u of an attacker', 'B4', (kit) => byAttacker(kit, { x5u: 'http://127.0.0.1:9/cert' })),
  text('x5c of an attacker', 'B4', (kit) => byAttacker(kit, { x5c: ['MIIB'] })),
  ...[['exp'], [], ['b64'], 'exp', ['unknown']].map((crit) => header(`crit ${JSON.stringify(crit)}`, 'B5', { crit, exp: 1 })),
  header('b64 false', 'B6', { b64: false }),
  header('b64 false and critical', 'B6', { b64: false, crit: ['b64'] }),
  text('two parts', 'B7', async (kit) => (await truly(kit)).split('.').slice(0, 2).join('.')),
  text('four parts', 'B7', async (kit) => `${await truly(kit)}.`),
  text('five parts, as a JWE has', 'B7', async (kit) => `${await truly(kit)}.AA.AA`),
  text('JSON serialization', 'B7', async (kit) => {
    const [protect, payload, signature] = (await truly(kit)).split('.')
    return JSON.stringify({ payload, protected: protect, signature })
  }),
  text('a mixed form', 'B7', async (kit) => `{"protected":"${(await truly(kit)).split('.')[0]}"}.${(await truly(kit)).split('.').slice(1).join('.')}`),
  text('padding', 'B8', async (kit) => `${await truly(kit)}==`),
  text('white space at the end', 'B8', async (kit) => `${await truly(kit)}\n`),
  text('white space at the start', 'B8', async (kit) => ` ${await truly(kit)}`),
  text('stray bits in the signature', 'B8', async (kit) => stray(await truly(kit))),
  text('stray bits in the header', 'B8', async (kit) => {
    // A header of this length leaves bits of its last character unused.
    let spaces = ''
    while ((JSON.stringify(kit.header).length + spaces.length) % 3 === 0) spaces += ' '
    const protect = stray(b64(JSON.stringify(kit.header) + spaces))
    const input = `${protect}.${b64(JSON.stringify(kit.claims))}`
    return `${input}.${b64(await kit.sign(Buffer.from(input)))}`
  }),
  text('standard base64 in the signature', 'B8', async (kit) => {
    for (;;) {
      const [protect, payload, signature = ''] = (await truly(kit, {}, { salt: Math.random() })).split('.')
      if (/[-_]/.test(signature)) return `${protect}.${payload}.${signature.replaceAll('-', '+').replaceAll('_', '/')}`
    }
  }),
  text('alg twice', 'B9', (kit) => signed(kit, JSON.stringify(kit.header).replace('{', '{"alg":"none",'), JSON.stringify(kit.claims))),
  text('sub twice', 'B9', (kit) => signed(kit, JSON.stringify(kit.header), JSON.stringify(kit.claims).replace('{', '{"sub":"admin",'))),
  text('sub twice, once escaped', 'B9', (kit) => signed(kit, JSON.stringify(kit.header), JSON.stringify(kit.claims).replace('{', '{"\\u0073ub":"admin",'))),
  text('exp twice', 'B9', (kit) => signed(kit, JSON.stringify(kit.header), JSON.stringify(kit.claims).replace('{', '{"exp":9999999999,'))),
  text('__proto__ in the claims', 'D9', (kit) => signed(kit, JSON.stringify(kit.header), JSON.stringify(kit.claims).replace('{', '{"__proto__":{"sub":"admin"},'))),
  text('__proto__ in the header', 'D9', (kit) => signed(kit, JSON.stringify(kit.header).replace('{', '{"__proto__":{"alg":"none"},'), JSON.stringify(kit.claims))),
  text('no signature', 'B10', withSignature(() => '')),
  text('a truncated signature', 'B10', withSignature((signature) => signature.subarray(0, 63))),
  text('half a signature', 'B10', withSignature((signature) => signature.subarray(0, 32))),
  text('a signature with a byte behind it', 'B10', withSignature((signature) => Buffer.concat([signature, Buffer.from([0])]))),
  text('a signature of zeros', 'B10', withSignature(() => Buffer.alloc(64))),
  text('r and s equal to the order of the curve', 'B10', withSignature(() => Buffer.concat([ORDER, ORDER]))),
  text('r right and s zero', 'B10', withSignature((signature) => Buffer.concat([signature.subarray(0, 32), Buffer.alloc(32)]))),
  text('r zero and s right', 'B10', withSignature((signature) => Buffer.concat([Buffer.alloc(32), signature.subarray(32)]))),
  text('r and s exchanged', 'B10', withSignature((signature) => Buffer.concat([signature.subarray(32), signature.subarray(0, 32)]))),
  text('a flipped bit in the signature', 'B10', withSignature((signature) => {
    signature.writeUInt8(signature.readUInt8(20) ^ 1, 20)
    return signature
  })),
  text('a signature in DER', 'A4', (kit) => {
    const input = `${b64(JSON.stringify(kit.header))}.${b64(JSON.stringify(kit.claims))}`
    return `${input}.${b64(sign('sha256', Buffer.from(input), attacker.privateKey))}`
  }),
  text('the signature of another token', 'B10', async (kit) => {
    const [protect, payload] = (await truly(kit)).split('.')
    return `${protect}.${payload}.${(await truly(kit, {}, { other: true })).split('.')[2]}`
  }),
  text('the claims of another token', 'B10', async (kit) => {
    const [protect, , signature] = (await truly(kit)).split('.')
    return `${protect}.${b64(JSON.stringify({ ...kit.claims, sub: 'admin' }))}.${signature}`
  }),
  claim('no exp', 'B15', () => ({ exp: undefined })),
  claim('exp a second ago', 'B15', ({ now }) => ({ exp: Math.floor(now) - 1 })),
  claim('exp now', 'B15', ({ now }) => ({ exp: now })),
  claim('exp as a text', 'B15', ({ now }) => ({ exp: String(Math.floor(now) + 60) })),
  claim('exp null', 'B15', () => ({ exp: null })),
  claim('exp far ahead', 'B15', ({ now }) => ({ exp: Math.floor(now) + 100 * 86_400 })),
  claim('exp negative', 'B15', () => ({ exp: -1 })),
  text('exp beyond any number', 'B17', (kit) => signed(kit, JSON.stringify(kit.header), JSON.stringify({ ...kit.claims, exp: 'X' }).replace('"X"', '1e999'))),
  text('exp beyond exact numbers', 'B17', (kit) => signed(kit, JSON.stringify(kit.header), JSON.stringify({ ...kit.claims, exp: 'X' }).replace('"X"', '9007199254740993'))),
  claim('iat ahead', 'B15', ({ now }) => ({ iat: now + 3600 })),
  claim('iat as a text', 'B15', ({ now }) => ({ iat: String(now) })),
  claim('nbf ahead', 'B15', ({ now }) => ({ nbf: now + 3600 })),
  ...['/', '.example', ':443', '#', '?', ' ', '%00'].map((suffix) => claim(`an issuer that ends in ${JSON.stringify(suffix)}`, 'B13', ({ claims }) => ({ iss: `${String(claims['iss'])}${suffix}` }))),
  claim('an issuer in capitals', 'B13', ({ claims }) => ({ iss: String(claims['iss']).toUpperCase() })),
  claim('an issuer in a list', 'B13', ({ claims }) => ({ iss: [claims['iss']] })),
  claim('no issuer', 'B13', () => ({ iss: undefined })),
  text('a nest of a hundred', 'B17', (kit) => signed(kit, JSON.stringify(kit.header), JSON.stringify({ ...kit.claims, deep: 'X' }).replace('"X"', '['.repeat(100) + ']'.repeat(100)))),
  claim('more than 16 KiB', 'B17', () => ({ large: 'x'.repeat(12_500) })),
  ...[1, null, ['a'], {}, '../../etc/passwd', '__proto__', 'constructor', "' OR 1=1 --", '\u0000', ''].map((kid) => header(`kid ${JSON.stringify(kid)}`, 'B18', { kid })),
  header('typ that is no text', 'A14', { typ: 1 }),
  header('typ of an unknown kind', 'A14', { typ: 'secevent+jwt' }),
  text('a header that is a list', 'B7', (kit) => signed(kit, JSON.stringify([kit.header]), JSON.stringify(kit.claims))),
  text('a header that is no JSON', 'B7', (kit) => signed(kit, 'ES256', JSON.stringify(kit.claims))),
  text('a header that is no UTF-8', 'A13', (kit) => signed(kit, Buffer.concat([Buffer.from(JSON.stringify(kit.header).slice(0, -1)), Buffer.from([0x2c, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])]), JSON.stringify(kit.claims))),
  text('claims that are a list', 'B7', (kit) => signed(kit, JSON.stringify(kit.header), JSON.stringify([kit.claims]))),
  text('claims with a lone surrogate', 'A13', (kit) => signed(kit, JSON.stringify(kit.header), JSON.stringify(kit.claims).replace('{', '{"x":"\\ud800",'))),
  text('no claims', 'B7', (kit) => signed(kit, JSON.stringify(kit.header), '')),
]
