import type { JsonWebKey } from 'node:crypto'
import { encodeBase64url } from '../core/base64url.ts'
import { parseDuration } from '../core/duration.ts'
import { after, type Instant, seconds } from '../core/time.ts'
import { listener } from '../http/listener.ts'
import { json } from '../http/reply.ts'
import { type Route, router } from '../http/router.ts'
import { type Alg, ALGORITHMS } from '../jose/algorithm.ts'
import type { PublicJwk } from '../jose/jwk.ts'
import type { Signer } from '../jose/signer.ts'
import { importSigner, unpublishedSigner } from '../jose/unstored.ts'
import { systemClock } from '../system/clock.ts'
import { systemRandom } from '../system/random.ts'
import { CATALOGUE, namesNear } from './catalogue.ts'
import { type Kit, truly } from './kit.ts'

/** How an issuer for tests is made; everything has a default. */
export interface IssuerOptions {
  /** The address to listen on; 127.0.0.1. */
  readonly host?: string
  /** The port; a free one. */
  readonly port?: number
  /** The `iss` of its tokens; its URL. */
  readonly issuer?: string
  /** The `aud` of its tokens; `api`. */
  readonly audience?: string | readonly string[]
  /** The algorithm of its keys; ES256, which takes a millisecond to make a key for. */
  readonly alg?: Alg
  /** Modulus of RSA keys; 2048. */
  readonly rsaBits?: number
  /** Seconds that a token lives; 300. */
  readonly ttl?: number
  /** The `typ` of its tokens; `JWT`. `at+jwt` makes them access tokens of RFC 9068. */
  readonly typ?: string
  /** The first key, as a private JWK, so that none has to be made. */
  readonly key?: JsonWebKey
}

/** An issuer inside a test: real keys, a real key set on a real socket, and everything in the hands of the test. */
export interface TestIssuer {
  /** Where it listens. */
  readonly url: string
  readonly issuer: string
  /** The JWK Set as it is published now (RFC 7517 section 5). */
  readonly jwks: () => { readonly keys: readonly PublicJwk[] }
  /** A right token; `claims` and `header` go over the usual ones, and a member that is undefined is left out. */
  readonly mint: (claims?: object, header?: object) => Promise<string>
  /** A token of the catalogue. Throws a `TypeError` that lists the near names, or says that the keys do not allow it. */
  readonly bad: (name: string, claims?: object) => Promise<string>
  /** Publishes a new key and signs with it from now on; the old one stays published. */
  readonly rotate: () => Promise<void>
  /** Takes a key out of the set at once, the one that signs when none is named; another one signs then. */
  readonly revoke: (kid?: string) => Promise<void>
  /** The time by which tokens are made: the real one, and what it was advanced by. */
  readonly clock: { readonly now: () => number; readonly advance: (duration: string) => void }
  readonly close: () => Promise<void>
  /** What goes into a right token of this moment. */
  readonly kit: (claims?: object) => Kit
}

/** Seconds that caches may keep the key set: no test waits for long. */
const MAX_AGE = 5
const SKEW = 10

/** Starts an issuer. Rejects with an `Error` when the address cannot be had. */
export async function startIssuer(options: IssuerOptions = {}): Promise<TestIssuer> {
  const { host = '127.0.0.1', port = 0, audience = 'api', ttl = 300, typ = 'JWT' } = options
  const keys = await makeKeys(options)
  let ahead = seconds(0)
  const now = (): Instant => after(systemClock(), ahead)
  const server = listener({ onFault: (error) => { throw error } })
  const jwks = (): { readonly keys: readonly PublicJwk[] } => ({ keys: keys.published().map(({ jwk }) => jwk) })
  const bound = await server.listen({ host, port }, (url) => router(documents(options.issuer ?? url, jwks, keys.stranger)))
  if (!bound.ok) throw new Error(`Cannot listen on ${host}:${port}: ${bound.error}`)
  const url = bound.value
  const { issuer = url } = options
  const kit = (claims: object = {}): Kit => {
    const [signer, iat] = [keys.signer(), Math.floor(now())]
    const usual = { iss: issuer, sub: 'test', aud: audience, iat, nbf: iat - SKEW, exp: iat + ttl, jti: encodeBase64url(systemRandom(16)) }
    const header = { alg: signer.alg, kid: signer.kid, typ }
    const strangerJwks = `${issuer.replace(/\/$/, '')}/stranger/jwks.json`
    return { signer, stranger: keys.stranger, published: keys.published(), header, claims: { ...usual, ...claims }, now: now(), strangerJwks }
  }
  return {
    url,
    issuer,
    jwks,
    kit,
    rotate: keys.rotate,
    mint: (claims, header) => truly(kit(claims), header),
    bad: (name, claims) => badToken(name, kit(claims)),
    revoke: keys.revoke,
    clock: {
      now,
      advance: (duration) => {
        const length = parseDuration(duration)
        if (length === undefined) throw new TypeError(`Cannot advance by ${duration}: it must be a duration such as 90s, 15m, 48h or 7d`)
        ahead = seconds(ahead + length)
      },
    },
    close: () => server.close(seconds(1)),
  }
}

async function badToken(name: string, kit: Kit): Promise<string> {
  const token = await CATALOGUE.get(name)?.make(kit)
  if (token !== undefined) return token
  const isKnown = CATALOGUE.has(name)
  throw new TypeError(isKnown ? `Cannot make ${name} with keys of ${kit.signer.alg}` : `There is no case ${name}; near are ${namesNear(name).join(', ')}`)
}

/** The keys of an issuer, whose private halves all stay in the hands of the test. */
interface Keys {
  readonly signer: () => Signer
  readonly published: () => readonly Signer[]
  readonly stranger: Signer
  readonly rotate: () => Promise<void>
  readonly revoke: (kid?: string) => Promise<void>
}

async function makeKeys({ alg = 'ES256', rsaBits = 2048, key }: IssuerOptions): Promise<Keys> {
  const make = (): Promise<Signer> => unpublishedSigner(alg, rsaBits)
  let signer = key === undefined ? await make() : await importSigner(key, alg)
  // As in a real set, there is a second key beside the one that signs.
  let published: readonly Signer[] = [signer, await make()]
  const rotate = async (): Promise<void> => {
    signer = await make()
    published = [signer, ...published]
  }
  return {
    signer: () => signer,
    published: () => published,
    stranger: await make(),
    rotate,
    revoke: async (kid = signer.kid) => {
      if (kid === signer.kid) await rotate()
      published = published.filter((one) => one.kid !== kid)
    },
  }
}

function documents(issuer: string, jwks: () => object, stranger: Signer): readonly Route[] {
  const base = issuer.replace(/\/$/, '')
  const path = new URL(base).pathname.replace(/\/$/, '')
  const headers = { 'cache-control': `public, max-age=${MAX_AGE}` }
  const route = (at: string, content: () => object): Route => ({ path: at, methods: { GET: () => json(200, content(), headers) }, cors: 'public' })
  const metadata = (): object => ({ issuer, jwks_uri: `${base}/.well-known/jwks.json`, response_types_supported: [], subject_types_supported: ['public'], id_token_signing_alg_values_supported: [...ALGORITHMS.keys()] })
  const places = ['openid-configuration', 'oauth-authorization-server'].flatMap((name) => [`/.well-known/${name}`, `${path}/.well-known/${name}`, `/.well-known/${name}${path}`])
  const sets = ['/jwks.json', '/.well-known/jwks.json', `${path}/.well-known/jwks.json`]
  return [
    ...[...new Set(sets)].map((at) => route(at, jwks)),
    ...[...new Set(places)].map((at) => route(at, metadata)),
    route(`${path}/stranger/jwks.json`, () => ({ keys: [stranger.jwk] })),
  ]
}
