import { issuerOf, jwksPaths, metadataPaths } from '../core/issuer.ts'
import type { Clock, Instant } from '../core/time.ts'
import type { Call, Handler } from '../http/call.ts'
import { json, type Reply, reply } from '../http/reply.ts'
import type { Route } from '../http/router.ts'
import { ALGORITHMS } from '../jose/algorithm.ts'
import type { PublicJwk } from '../jose/jwk.ts'

/**
 * What can be wrong with the URLs of an issuer: status 500; no answer before the fault ends; a set without keys; no
 * byte at all; a page of HTML; half a document; a redirect to nowhere; the set as it was when the fault began.
 */
export type KeySetFault = 'error' | 'slow' | 'empty' | 'blank' | 'html' | 'cut' | 'redirect' | 'stale'

/** A request for the key set or the metadata. */
export interface Fetch {
  /** By the issuer's clock. */
  readonly at: Instant
  readonly method: string
  readonly path: string
  /** Undefined where the request has no such header. */
  readonly userAgent: string | undefined
  readonly ifNoneMatch: string | undefined
  /** The fault of the answer. */
  readonly fault: KeySetFault | undefined
}

/** The documents of an issuer inside a test. */
interface Documents {
  readonly routes: (url: string) => readonly Route[]
  readonly fault: (fault?: KeySetFault) => void
  readonly fetches: () => readonly Fetch[]
}

/** What the documents are made with; `stranger` is the key of a set beside the issuer's. */
interface Given {
  readonly now: Clock
  readonly stranger: PublicJwk
}

/** Seconds that caches may keep the key set: no test waits for long. */
const MAX_AGE = 5
const HEADERS = { 'cache-control': `public, max-age=${MAX_AGE}` }

/** Key set and metadata of an issuer, whole or with a fault. */
export function documentsOf(jwks: () => object, { now, stranger }: Given): Documents {
  let [fault, stale]: [KeySetFault | undefined, object] = [undefined, {}]
  let waiting: (() => void)[] = []
  const fetches: Fetch[] = []
  const end = (): Promise<void> => new Promise((resolve) => void waiting.push(resolve))
  const watched = (content: () => object): Handler => (call) => {
    fetches.push(fetchOf(call, now(), fault))
    const whole = (): Reply => json(200, content(), HEADERS)
    return fault === 'slow' ? end().then(whole) : FAULTS.get(fault)?.(content) ?? whole()
  }
  const route = (handler: Handler) => (path: string): Route => ({ path, methods: { GET: handler }, cors: 'public' })
  return {
    fault: (next) => {
      if (!NAMES.includes(next)) throw new TypeError(`There is no fault ${next}. Use one of ${LISTED}`)
      for (const answer of waiting) answer()
      ;[fault, stale, waiting] = [next, jwks(), []]
    },
    fetches: () => [...fetches],
    routes: (url) => {
      const issuer = issuerOf(url)
      return [
        ...jwksPaths(issuer).map(route(watched(() => fault === 'stale' ? stale : jwks()))),
        ...metadataPaths(issuer).map(route(watched(() => metadataOf(url, issuer.base)))),
        route(() => json(200, { keys: [stranger] }, HEADERS))(`${issuer.path}/stranger/jwks.json`),
      ]
    },
  }
}

function fetchOf({ method, path, header }: Call, at: Instant, fault: KeySetFault | undefined): Fetch {
  return { at, method, path, userAgent: header('user-agent'), ifNoneMatch: header('if-none-match'), fault }
}

const HTML = { 'content-type': 'text/html' }

/** What stands in place of the content. */
const FAULTS: ReadonlyMap<KeySetFault | undefined, (content: () => object) => Reply> = new Map<
  KeySetFault, (content: () => object) => Reply
>([
  ['error', () => json(500, { error: 'a fault of the test' })],
  ['empty', () => json(200, { keys: [] }, HEADERS)],
  ['blank', () => reply(200, { 'content-type': 'application/json', ...HEADERS })],
  ['html', () => reply(200, { ...HTML, ...HEADERS }, '<!doctype html><title>Please sign in</title>')],
  ['cut', (content) => reply(200, { 'content-type': 'application/json', ...HEADERS }, halfOf(content()))],
  ['redirect', () => reply(302, { location: '/nowhere' })],
])
const NAMES: readonly (KeySetFault | undefined)[] = [undefined, ...FAULTS.keys(), 'slow', 'stale']
const LISTED = NAMES.slice(1).join(', ')

function halfOf(content: object): string {
  const text = JSON.stringify(content)
  return text.slice(0, text.length / 2)
}

function metadataOf(url: string, base: string): object {
  return {
    issuer: url,
    jwks_uri: `${base}/.well-known/jwks.json`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...ALGORITHMS.keys()],
  }
}
