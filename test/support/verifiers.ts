import { createHmac, createPublicKey, type JsonWebKey, verify as verifySignature, X509Certificate } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One thing that an API does wrong. */
export type Flaw =
  | 'ignores exp' | 'ignores nbf' | 'ignores iss' | 'takes an issuer by its beginning' | 'ignores aud' | 'takes an audience by its beginning'
  | 'accepts none' | 'accepts none in small letters alone' | 'trusts the alg of the header' | 'uses the key in the header' | 'follows jku'
  | 'does not check the signature' | 'checks no empty signature' | 'ignores crit' | 'tries every key' | 'takes exp as a text'
  | 'takes the certificate in the header' | 'caches for ever' | 'falls over' | 'refuses lists of audiences' | 'takes DER'

type Claims = Readonly<Record<string, unknown>>
type Jwk = JsonWebKey & { kid?: string; alg?: string }

/** Starts an API that checks tokens as it should, but for its flaws. */
export async function startApi(issuer: () => string, flaws: readonly Flaw[], port = 0): Promise<{ url: string; close: () => void }> {
  const has = (flaw: Flaw): boolean => flaws.includes(flaw)
  let cached: readonly Jwk[] | undefined
  const published = async (url: string): Promise<readonly Jwk[]> => ((await (await fetch(url)).json()) as { keys: Jwk[] }).keys
  const keySet = async (): Promise<readonly Jwk[]> => {
    if (cached === undefined || !has('caches for ever')) cached = await published(`${issuer()}/jwks.json`)
    return cached
  }

  const check = async (token: string): Promise<Claims | undefined> => {
    const parts = token.split('.')
    if (parts.length !== 3) return undefined
    const [head = '', payload = '', signature = ''] = parts
    const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as { alg?: string; kid?: unknown; crit?: unknown; b64?: unknown; jwk?: Jwk; jku?: string; x5c?: string[]; typ?: string }
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims
    if ((header.crit !== undefined || header.b64 !== undefined) && !has('ignores crit')) return undefined
    if (header.typ !== undefined && header.typ !== 'JWT') return undefined
    const alg = String(header.alg)
    if (has('accepts none') && alg.toLowerCase() === 'none') return claims
    if (has('accepts none in small letters alone') && alg === 'none') return claims
    if (has('checks no empty signature') && signature === '') return claims
    const keys = has('follows jku') && header.jku !== undefined ? await published(header.jku) : await keySet()
    const named = keys.filter(({ kid }) => kid === header.kid)
    const certified = has('takes the certificate in the header') && header.x5c !== undefined
    const candidates = certified ? [keyOfCertificate(header.x5c?.[0] ?? '')] : has('uses the key in the header') && header.jwk !== undefined ? [header.jwk] : has('tries every key') ? keys : named
    const input = `${head}.${payload}`
    const isSigned = candidates.some((jwk) => signedBy(jwk, alg, input, Buffer.from(signature, 'base64url')))
    return isSigned || has('does not check the signature') ? claims : undefined
  }

  const signedBy = (jwk: Jwk, alg: string, input: string, signature: Buffer): boolean => {
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    if (has('trusts the alg of the header') && alg === 'HS256') {
      return createHmac('sha256', key.export({ format: 'pem', type: 'spki' })).update(input).digest().equals(signature)
    }
    if (alg !== (jwk.alg ?? alg)) return false
    const encodings = has('takes DER') ? ['ieee-p1363', 'der'] as const : ['ieee-p1363'] as const
    return encodings.some((dsaEncoding) => verifySignature('sha256', Buffer.from(input), { key, dsaEncoding }, signature))
  }

  const isRight = ({ exp, nbf, iss, aud }: Claims): boolean => {
    const now = Date.now() / 1000
    const end = has('takes exp as a text') ? Number(exp) : exp
    if (!has('ignores exp') && !(typeof end === 'number' && end > now)) return false
    if (!has('ignores nbf') && nbf !== undefined && !(typeof nbf === 'number' && nbf <= now + 10)) return false
    const isOurs = has('takes an issuer by its beginning') ? String(iss).startsWith(issuer()) : iss === issuer()
    if (!has('ignores iss') && !isOurs) return false
    const audiences = Array.isArray(aud) && !has('refuses lists of audiences') ? aud : [aud]
    const isForUs = (one: unknown): boolean => has('takes an audience by its beginning') ? String(one).startsWith('api') : one === 'api'
    return has('ignores aud') || audiences.some(isForUs)
  }

  const server = createServer({ maxHeaderSize: 32_768 }, (request, response) => {
    const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? []
    const answer = (status: number): void => void response.writeHead(status).end()
    if (token === undefined) return answer(401)
    check(token).then((claims) => claims !== undefined && isRight(claims))
      .then((isAccepted) => answer(isAccepted ? 200 : 401), () => answer(has('falls over') ? 500 : 401))
  })
  await new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(undefined)))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => server.close().closeAllConnections() }
}

function keyOfCertificate(base64: string): Jwk {
  return new X509Certificate(Buffer.from(base64, 'base64')).publicKey.export({ format: 'jwk' })
}
