import type { Config } from '../config.ts'
import { faultEvent } from '../core/event.ts'
import { encodeBase64url } from '../core/base64url.ts'
import type { JsonObject } from '../core/json.ts'
import { ok, type Result } from '../core/result.ts'
import { seconds } from '../core/time.ts'
import { type Listener, listener } from '../http/listener.ts'
import { json } from '../http/reply.ts'
import { type Route, router } from '../http/router.ts'
import { type Alg, ALGORITHMS } from '../jose/algorithm.ts'
import { type Signer, unpublishedSigner } from '../jose/signer.ts'
import { NO_MARKS } from '../keyring/policy.ts'
import type { Kit } from '../testkit/kit.ts'
import { systemClock } from '../system/clock.ts'
import { systemRandom } from '../system/random.ts'

/** An issuer whose keys are ours to misuse: it lives as long as the probe. */
export interface ProbeIssuer {
  readonly issuer: string
  /** What goes into a right token of this moment. */
  readonly kit: (typ: string, others: JsonObject) => Kit
  /** Publishes a new key beside the others, and signs with it from now on; answers the one before. */
  readonly rotate: () => Promise<Signer>
  readonly unpublish: (signer: Signer) => void
  readonly close: () => Promise<void>
}

/** Seconds that a token of the probe lives. */
const LIFE = 300
/** Seconds that caches may keep the key set: a probe does not wait for long. */
const MAX_AGE = 5

/** Starts an issuer where the options of the server say; the failure is a sentence. */
export async function startProbeIssuer(config: Config): Promise<Result<ProbeIssuer, string>> {
  const { algs: [alg], rsaBits } = config.policy(NO_MARKS)
  let published: readonly Signer[] = await Promise.all([alg, other(alg)].map((one) => unpublishedSigner(one, rsaBits)))
  let [signer] = published as readonly [Signer]
  const stranger = await unpublishedSigner(alg, rsaBits)
  const server: Listener = listener({ onFault: (error) => process.stderr.write(`jwksd: ${JSON.stringify(faultEvent(error))}\n`) })
  const issuerAt = (url: string): string => config.issuer ?? url
  const bound = await server.listen(config, (url) => router(documents(issuerAt(url), () => published, stranger)))
  if (!bound.ok) return bound
  const issuer = issuerAt(bound.value.url)
  return ok({
    issuer,
    kit: (typ, others) => {
      const now = Math.floor(systemClock())
      const claims = { iss: issuer, sub: 'probe', aud: config.audience, iat: now, nbf: now - 10, exp: now + LIFE, jti: encodeBase64url(systemRandom(16)) }
      const header = { alg: signer.alg, kid: signer.kid, typ }
      return { signer, stranger, published, header, claims: { ...claims, ...others }, now: systemClock(), strangerJwks: `${issuer.replace(/\/$/, '')}/stranger/jwks.json` }
    },
    rotate: async () => {
      const before = signer
      signer = await unpublishedSigner(alg, rsaBits)
      published = [signer, ...published]
      return before
    },
    unpublish: ({ kid }) => {
      published = published.filter((one) => one.kid !== kid)
    },
    close: () => server.close(seconds(1)),
  })
}

/** A key of another kind is published too, as it is where algorithms change. */
function other(alg: Alg): Alg {
  return ALGORITHMS.get(alg)?.kty === 'EC' ? 'RS256' : 'ES256'
}

function documents(issuer: string, published: () => readonly Signer[], stranger: Signer): readonly Route[] {
  const base = issuer.replace(/\/$/, '')
  const path = new URL(base).pathname.replace(/\/$/, '')
  const headers = { 'cache-control': `public, max-age=${MAX_AGE}` }
  const route = (at: string, content: () => object): Route => ({ path: at, methods: { GET: () => json(200, content(), headers) }, cors: 'public' })
  const set = (): object => ({ keys: published().map(({ jwk }) => jwk) })
  const metadata = (): object => ({ issuer, jwks_uri: `${base}/.well-known/jwks.json`, response_types_supported: [], subject_types_supported: ['public'], id_token_signing_alg_values_supported: published().map(({ alg }) => alg) })
  const places = ['openid-configuration', 'oauth-authorization-server'].flatMap((name) => [`/.well-known/${name}`, `${path}/.well-known/${name}`, `/.well-known/${name}${path}`])
  const sets = ['/jwks.json', '/.well-known/jwks.json', `${path}/.well-known/jwks.json`]
  return [
    ...[...new Set(sets)].map((at) => route(at, set)),
    ...[...new Set(places)].map((at) => route(at, metadata)),
    route(`${path}/stranger/jwks.json`, () => ({ keys: [stranger.jwk] })),
  ]
}
