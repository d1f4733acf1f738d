import { issuerOf, metadataPaths } from '../core/issuer.ts'
import { json, type Reply, reply } from '../http/reply.ts'
import type { Route } from '../http/router.ts'
import type { PublicJwk } from '../jose/jwk.ts'
import type { Signer } from '../jose/signer.ts'
import type { Case } from './kit.ts'

/** What an answer about a key set is made of. */
interface SetKit {
  /** The published keys, the one that signs first. */
  readonly keys: readonly [PublicJwk, ...PublicJwk[]]
  /** A certificate of the key that signs, in base64 (RFC 7517 section 4.7). */
  readonly certificate: string
  /** How often the set was fetched before. */
  readonly fetches: number
  /** The URL of an ordinary key set with the same keys. */
  readonly ordinary: string
}

/** A key set that is legal and unusual: a verifier must accept tokens of its keys, and of no others. */
export interface SetCase extends Omit<Case, 'make'> {
  readonly answer: (kit: SetKit) => Reply
}

type Row = readonly [name: string, what: string, rule: string, answer: SetCase['answer'], level?: 'should']

const HEADERS = { 'cache-control': 'public, max-age=5' }
/** The public key of the first test in RFC 8032 section 7.4. */
const ED448 = 'X9dEm1m0Yf0s54fsYWrUah2hNCSFpw4fig6nXYDpZ3jt8SR2m0bHBhvWeD3x5Q9s0foavq_oJWGA'

const set = (change: (kit: SetKit) => object): SetCase['answer'] => (kit) => json(200, change(kit), HEADERS)
/** A set with other keys before ours. */
const beside = (...others: readonly object[]): SetCase['answer'] => set(({ keys }) => ({ keys: [...others, ...keys] }))
const each = (change: (jwk: PublicJwk) => object): SetCase['answer'] => set(({ keys }) => ({ keys: keys.map(change) }))

function manyKeys({ keys: [first, ...others] }: SetKit): object {
  const copies = Array.from({ length: 98 }, (_none, at) => ({ ...others[0], kid: `other-${at}` }))
  return { keys: [...copies, ...others, first] }
}

const ROWS: readonly Row[] = [
  ['unknown-kty', 'a key of an unknown type beside', 'RFC 7517 5',
    beside({ kty: 'XYZ', kid: 'xyz', use: 'sig', p: 'AA' })],
  ['unknown-crv', 'a key of an unknown curve beside', 'RFC 7517 5',
    beside({ kty: 'EC', crv: 'P-999', kid: 'p999', use: 'sig', alg: 'ES999', x: 'AA', y: 'AA' })],
  ['ed448', 'an Ed448 key beside', 'RFC 8037 2',
    beside({ kty: 'OKP', crv: 'Ed448', kid: 'ed448', use: 'sig', alg: 'EdDSA', x: ED448 })],
  ['akp', 'an ML-DSA key beside', 'RFC 7517 5',
    beside({ kty: 'AKP', alg: 'ML-DSA-44', kid: 'akp', use: 'sig', pub: 'A'.repeat(1750) })],
  ['use-enc', 'a key to encrypt beside', 'RFC 7517 4.2',
    set(({ keys }) => ({ keys: [{ ...keys[1], use: 'enc', alg: undefined, kid: 'enc' }, ...keys] }))],
  ['alg-missing', 'keys without alg, which is optional', 'RFC 7517 4.4', each(({ alg: _alg, ...jwk }) => jwk)],
  ['use-missing', 'keys without use, which is optional', 'RFC 7517 4.2', each(({ use: _use, ...jwk }) => jwk)],
  ['key-ops', 'keys with key_ops', 'RFC 7517 4.3', each((jwk) => ({ ...jwk, key_ops: ['verify'] }))],
  ['x5c', 'a key with its certificate', 'RFC 7517 4.7',
    set(({ keys: [first, ...others], certificate }) => ({ keys: [{ ...first, x5c: [certificate] }, ...others] }))],
  ['members', 'members that nobody knows, in keys and set', 'RFC 7517 5',
    set(({ keys }) => ({ version: 2, keys: keys.map((jwk) => ({ ...jwk, vendor: { since: null } })) }))],
  ['many', '100 keys, the right one last', 'RFC 7517 5', set(manyKeys)],
  ['jwk-set-json', 'the media type application/jwk-set+json', 'RFC 7517 8.5.2',
    ({ keys }) => json(200, { keys }, { ...HEADERS, 'content-type': 'application/jwk-set+json' })],
  ['media-type', 'the media type text/plain', 'RFC 7517 8.5',
    ({ keys }) => json(200, { keys }, { ...HEADERS, 'content-type': 'text/plain' }), 'should'],
  ['no-store', 'a set that no cache may keep', 'RFC 9111 5.2.2.5',
    ({ keys }) => json(200, { keys }, { 'cache-control': 'no-store' })],
  ['redirect', 'a redirect to the set', 'RFC 9110 15.4',
    ({ ordinary }) => reply(302, { location: ordinary }), 'should'],
  ['unavailable', '503 after the first fetch, a good copy in hand', 'RFC 9111 4.2.4',
    ({ keys, fetches }) => fetches === 0 ? json(200, { keys }, HEADERS) : reply(503, { 'retry-after': '1' })],
]

/** Every key set by its name. */
export const SET_CASES: ReadonlyMap<string, SetCase> = new Map(
  ROWS.map(([name, what, rule, answer, level = 'must' as const]) =>
    [name, { name, what, rule, answer, level, expected: 'accept' }]),
)

/** The issuer whose key set is this one: a path of the issuer at a URL. */
export function setIssuer(url: string, name: string): string {
  return `${issuerOf(url).base}/sets/${name}`
}

/** An issuer that has one of these sets. */
interface Published {
  /** The issuer below which it lies. */
  readonly url: string
  readonly set: SetCase
  readonly published: () => readonly Signer[]
  /** Of the key that signs, in DER. */
  readonly certificate: Buffer | undefined
}

/** The routes of one key set: its own metadata, and the set. */
export function setRoutes({ url, set: { name, answer }, published, certificate: der }: Published): readonly Route[] {
  const issuer = issuerOf(setIssuer(url, name))
  const certificate = der?.toString('base64') ?? ''
  const ordinary = `${issuerOf(url).base}/.well-known/jwks.json`
  let fetches = 0
  const answered = (): Reply => {
    const keys = published().map(({ jwk }) => jwk) as [PublicJwk, ...PublicJwk[]]
    fetches += 1
    return answer({ keys, certificate, ordinary, fetches: fetches - 1 })
  }
  const metadata = { issuer: issuer.url, jwks_uri: `${issuer.base}/.well-known/jwks.json` }
  const types = { response_types_supported: ['id_token'], subject_types_supported: ['public'] }
  const algs = { id_token_signing_alg_values_supported: [...new Set(published().map(({ alg }) => alg))] }
  const route = (path: string, get: () => Reply): Route => ({ path, methods: { GET: get }, cors: 'public' })
  return [
    ...['/jwks.json', '/.well-known/jwks.json'].map((path) => route(`${issuer.path}${path}`, answered)),
    // Those at the root are of the issuer itself.
    ...metadataPaths(issuer).filter((path) => path.includes(issuer.path))
      .map((path) => route(path, () => json(200, { ...metadata, ...types, ...algs }))),
  ]
}
