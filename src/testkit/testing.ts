import type { JsonWebKey } from 'node:crypto'
import { encodeBase64url } from '../core/encoding.ts'
import { parseDuration } from '../core/duration.ts'
import { issuerOf } from '../core/issuer.ts'
import { after, type Instant, seconds } from '../core/time.ts'
import { listener } from '../http/listener.ts'
import { type Router, router } from '../http/router.ts'
import type { Alg } from '../jose/algorithm.ts'
import { importSigner } from '../jose/imported.ts'
import type { PublicJwk } from '../jose/jwk.ts'
import type { Signer } from '../jose/signer.ts'
import { unpublishedSigner } from '../jose/unstored.ts'
import { systemClock } from '../system/clock.ts'
import { systemRandom } from '../system/random.ts'
import { CATALOGUE, namesNear } from './catalogue.ts'
import { selfSigned } from './certificate.ts'
import { type Kit, tokenOf } from './kit.ts'
import { documentsOf, type Fetch, type KeySetFault } from './published.ts'
import { SET_CASES, setRoutes } from './set-cases.ts'

export type { Fetch, KeySetFault }

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
  /** The algorithm of its keys; RS256, as the server has. Keys of ES256 are made within a millisecond. */
  readonly alg?: Alg
  /** Modulus of RSA keys; 2048. */
  readonly rsaBits?: number
  /** Seconds that a token lives; 300. */
  readonly ttl?: number
  /** The `typ` of its tokens; `JWT`. `at+jwt` makes them access tokens of RFC 9068. */
  readonly typ?: string
  /** The first key, as a private JWK; a new key. */
  readonly key?: JsonWebKey
  /** The name of an unusual key set, for an issuer of its own at `/sets/NAME` below this one; none. */
  readonly set?: string | undefined
}

/** An issuer inside a test: real keys, and a real key set on a real socket; the test moves its clock. */
export interface TestIssuer {
  /** Where it listens. */
  readonly url: string
  readonly issuer: string
  /** The JWK Set as it is published now (RFC 7517 section 5). */
  readonly jwks: () => { readonly keys: readonly PublicJwk[] }
  /** A right token; `claims` and `header` go over the usual ones, and a member that is undefined is left out. */
  readonly mint: (claims?: object, header?: object) => Promise<string>
  /** A token of the catalogue. Rejects with a `TypeError` for an unknown name, or one that the keys do not allow. */
  readonly bad: (name: string, claims?: object) => Promise<string>
  /** Publishes a new key and signs with it from now on; the old one stays published. */
  readonly rotate: () => Promise<void>
  /** Takes a key out of the set at once, the one that signs when none is named; another one signs then. */
  readonly revoke: (kid?: string) => Promise<void>
  /** Gives the key set and the metadata a fault from now on; without one they are right again. */
  readonly fault: (fault?: KeySetFault) => void
  /** Every request for the key set or the metadata so far, the oldest first. */
  readonly fetches: () => readonly Fetch[]
  /** The time by which tokens are made: the real one, and what it was advanced by. */
  readonly clock: { readonly now: () => number; readonly advance: (duration: string) => void }
  readonly close: () => Promise<void>
  /** The parts of a right token of this moment. */
  readonly kit: (claims?: object) => Kit
}

/** Seconds that `nbf` lies before `iat`. */
const BACKDATE = 10

/** Starts an issuer. Rejects with an `Error` when it cannot listen on the address. */
export async function startIssuer(options: IssuerOptions = {}): Promise<TestIssuer> {
  const { host = '127.0.0.1', port = 0 } = options
  const keys = await makeKeys(options)
  const clock = movableClock()
  const jwks: TestIssuer['jwks'] = () => ({ keys: keys.published().map(({ jwk }) => jwk) })
  const documents = documentsOf(jwks, { now: clock.now, stranger: keys.unpublished.jwk })
  const server = listener({ onFault: (error) => { throw error } })
  const set = SET_CASES.get(options.set ?? '')
  const certificate = set && await selfSigned(keys.signer(), 'test')
  const routerAt = (url: string): Router => router([
    ...documents.routes(options.issuer ?? url),
    ...set === undefined ? [] : setRoutes({ url: options.issuer ?? url, set, published: keys.published, certificate }),
  ])
  const bound = await server.listen({ host, port }, routerAt)
  if (!bound.ok) throw new Error(`Cannot listen on ${host}:${port}: ${bound.error}`)
  const url = bound.value
  const { issuer = url } = options
  const kit: TestIssuer['kit'] = (claims) => kitOf({ ...options, issuer }, keys, { now: clock.now(), claims })
  return {
    url,
    issuer,
    jwks,
    kit,
    clock,
    rotate: keys.rotate,
    revoke: keys.revoke,
    fault: documents.fault,
    fetches: documents.fetches,
    mint: (claims, header) => tokenOf(kit(claims), header),
    bad: (name, claims) => badToken(name, kit(claims)),
    close: () => server.close(seconds(1)),
  }
}

function movableClock(): { readonly now: () => Instant; readonly advance: (duration: string) => void } {
  let ahead = seconds(0)
  return {
    now: () => after(systemClock(), ahead),
    advance: (duration) => {
      const length = parseDuration(duration)
      if (length === undefined) throw new TypeError(`Cannot advance by ${duration}. Use a duration such as 90s or 7d`)
      ahead = seconds(ahead + length)
    },
  }
}

function kitOf(
  { issuer, audience = 'api', ttl = 300, typ = 'JWT' }: IssuerOptions & { readonly issuer: string },
  { signer: current, unpublished, published }: Keys,
  { now, claims }: { readonly now: Instant; readonly claims: object | undefined },
): Kit {
  const [signer, iat, jti] = [current(), Math.floor(now), encodeBase64url(systemRandom(16))]
  const usual = { iss: issuer, sub: 'test', aud: audience, iat, nbf: iat - BACKDATE, exp: iat + ttl, jti }
  return {
    signer,
    unpublished,
    published: published(),
    header: { alg: signer.alg, kid: signer.kid, typ },
    claims: { ...usual, ...claims },
    now,
    attackerJwksUrl: `${issuerOf(issuer).base}/stranger/jwks.json`,
  }
}

async function badToken(name: string, kit: Kit): Promise<string> {
  const wanted = CATALOGUE.get(name)
  if (wanted === undefined) throw new TypeError(`There is no case ${name}. Near are ${namesNear(name).join(', ')}`)
  const token = await wanted.make(kit)
  if (token === undefined) throw new TypeError(`Cannot make ${name} with keys of ${kit.signer.alg}. Use another alg`)
  return token
}

/** The keys of an issuer; it keeps the private half of each. */
interface Keys {
  readonly signer: () => Signer
  readonly published: () => readonly Signer[]
  readonly unpublished: Signer
  readonly rotate: () => Promise<void>
  readonly revoke: (kid?: string) => Promise<void>
}

async function makeKeys({ alg = 'RS256', rsaBits = 2048, key }: IssuerOptions): Promise<Keys> {
  const make = (): Promise<Signer> => unpublishedSigner(alg, rsaBits)
  // As in a real set, there is a second key beside the one that signs.
  const first = key === undefined ? make() : importSigner(key, alg)
  const [own, second, unpublished] = await Promise.all([first, make(), make()])
  let [signer, published]: [Signer, readonly Signer[]] = [own, [own, second]]
  const rotate = async (): Promise<void> => {
    signer = await make()
    published = [signer, ...published]
  }
  return {
    signer: () => signer,
    published: () => published,
    unpublished,
    rotate,
    revoke: async (kid = signer.kid) => {
      if (kid === signer.kid) await rotate()
      published = published.filter((one) => one.kid !== kid)
    },
  }
}
