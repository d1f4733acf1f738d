import { createHmac, createPublicKey, type JsonWebKey, verify as verifySignature, X509Certificate } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One thing that an API does wrong. */
export type Flaw =
  | 'ignores exp' | 'ignores nbf' | 'ignores iss' | 'takes an issuer by its beginning' | 'ignores aud'
  | 'takes an audience by its beginning' | 'accepts none' | 'accepts none in small letters alone'
  | 'trusts the alg of the header' | 'uses the key in the header' | 'follows jku' | 'does not check the signature'
  | 'checks no empty signature' | 'ignores crit' | 'tries every key' | 'takes exp as a text'
  | 'takes the certificate in the header' | 'caches for ever' | 'falls over' | 'refuses lists of audiences'
  | 'takes DER'

type Has = (flaw: Flaw) => boolean
type Claims = Readonly<Record<string, unknown>>
type Jwk = JsonWebKey & { kid?: string; alg?: string }

interface Header {
  readonly alg?: string
  readonly kid?: unknown
  readonly crit?: unknown
  readonly b64?: unknown
  readonly jwk?: Jwk
  readonly jku?: string
  readonly x5c?: readonly string[]
  readonly typ?: string
}

/** A running API, which answers 200 to a token that it accepts, and 401 to all else. */
interface Api {
  readonly url: string
  readonly close: () => void
}

/** Starts an API that checks tokens as it should, but for its flaws. */
export async function startApi(issuer: () => string, flaws: readonly Flaw[], port = 0): Promise<Api> {
  const has: Has = (flaw) => flaws.includes(flaw)
  const keysFor = keySource(issuer, has)
  const isAccepted = async (token: string): Promise<boolean> => {
    const claims = await verifiedClaims(token, keysFor, has)
    return claims !== undefined && areRight(claims, issuer(), has)
  }
  const server = createServer({ maxHeaderSize: 32_768 }, (request, response) => {
    const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? []
    const answer = (status: number): void => void response.writeHead(status).end()
    if (token === undefined) return answer(401)
    isAccepted(token).then((isRight) => answer(isRight ? 200 : 401), () => answer(has('falls over') ? 500 : 401))
  })
  await new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(undefined)))
  const { port: bound } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${bound}/`, close: () => server.close().closeAllConnections() }
}

type KeysFor = (header: Header) => Promise<readonly Jwk[]>

/** The keys that the signature under a header is tried with. */
function keySource(issuer: () => string, has: Has): KeysFor {
  let cached: readonly Jwk[] | undefined
  const published = async (url: string): Promise<readonly Jwk[]> =>
    ((await (await fetch(url)).json()) as { keys: Jwk[] }).keys
  const keySet = async (): Promise<readonly Jwk[]> => {
    if (cached === undefined || !has('caches for ever')) cached = await published(`${issuer()}/jwks.json`)
    return cached
  }
  return async ({ kid, jwk, jku, x5c }) => {
    if (has('takes the certificate in the header') && x5c !== undefined) return [keyOfCertificate(x5c[0] ?? '')]
    if (has('uses the key in the header') && jwk !== undefined) return [jwk]
    const keys = has('follows jku') && jku !== undefined ? await published(jku) : await keySet()
    return has('tries every key') ? keys : keys.filter((key) => key.kid === kid)
  }
}

async function verifiedClaims(token: string, keysFor: KeysFor, has: Has): Promise<Claims | undefined> {
  const parts = token.split('.')
  if (parts.length !== 3) return undefined
  const [head = '', payload = '', signature = ''] = parts
  const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as Header
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims
  if ((header.crit !== undefined || header.b64 !== undefined) && !has('ignores crit')) return undefined
  if (header.typ !== undefined && header.typ !== 'JWT') return undefined
  const alg = String(header.alg)
  if (has('accepts none') && alg.toLowerCase() === 'none') return claims
  if (has('accepts none in small letters alone') && alg === 'none') return claims
  if (has('checks no empty signature') && signature === '') return claims
  const signed = { alg, input: `${head}.${payload}`, signature: Buffer.from(signature, 'base64url') }
  const isSigned = (await keysFor(header)).some((jwk) => isSignedBy(jwk, signed, has))
  return isSigned || has('does not check the signature') ? claims : undefined
}

interface Signed {
  readonly alg: string
  readonly input: string
  readonly signature: Buffer
}

function isSignedBy(jwk: Jwk, { alg, input, signature }: Signed, has: Has): boolean {
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  if (has('trusts the alg of the header') && alg === 'HS256') {
    return createHmac('sha256', key.export({ format: 'pem', type: 'spki' })).update(input).digest().equals(signature)
  }
  if (alg !== (jwk.alg ?? alg)) return false
  const encodings = has('takes DER') ? ['ieee-p1363', 'der'] as const : ['ieee-p1363'] as const
  return encodings.some((dsaEncoding) => verifySignature('sha256', Buffer.from(input), { key, dsaEncoding }, signature))
}

function areRight({ exp, nbf, iss, aud }: Claims, issuer: string, has: Has): boolean {
  const now = Date.now() / 1000
  const end = has('takes exp as a text') ? Number(exp) : exp
  if (!has('ignores exp') && !(typeof end === 'number' && end > now)) return false
  if (!has('ignores nbf') && nbf !== undefined && !(typeof nbf === 'number' && nbf <= now + 10)) return false
  const isOurs = has('takes an issuer by its beginning') ? String(iss).startsWith(issuer) : iss === issuer
  if (!has('ignores iss') && !isOurs) return false
  const audiences = Array.isArray(aud) && !has('refuses lists of audiences') ? aud : [aud]
  const isForUs = (one: unknown): boolean =>
    has('takes an audience by its beginning') ? String(one).startsWith('api') : one === 'api'
  return has('ignores aud') || audiences.some(isForUs)
}

function keyOfCertificate(base64: string): Jwk {
  return new X509Certificate(Buffer.from(base64, 'base64')).publicKey.export({ format: 'jwk' })
}
