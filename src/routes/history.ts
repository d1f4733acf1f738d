import type { Issuer } from '../core/issuer.ts'
import { type Instant, numericDate } from '../core/time.ts'
import type { Route } from '../http/router.ts'
import { type DocumentDeps, documentRoute } from './document.ts'

/** What the history needs. */
export interface HistoryDeps extends DocumentDeps {
  readonly issuer: Issuer
}

/**
 * Every key that was ever published, the oldest first, so that an old token can be checked although the live set is
 * small: whether its key signed at its `iat`, and whether the key was revoked. No verifier of live tokens may
 * use these keys.
 */
export function historyRoute(deps: HistoryDeps): Route {
  return documentRoute('/.well-known/jwks-history.json', deps, ({ ring }) => {
    const past = ring.history.map(({ jwk, removedAt, why, reason, ...key }) =>
      ({ jwk, state: 'removed', ...spanOf(key), removed_at: Math.ceil(removedAt), why, reason }))
    const present = ring.keys.map((key) => ({ jwk: key.jwk, state: key.state, ...spanOf(key) }))
    return { issuer: deps.issuer.url, keys: [...past, ...present] }
  })
}

/** When a key was published, began to sign, and ceased to sign. */
type Span = { readonly [Moment in 'publishedAt' | 'activeAt' | 'retiredAt']?: Instant | undefined }

/** Seconds since the epoch, rounded so that no token of the key was issued outside. */
function spanOf({ publishedAt, activeAt, retiredAt }: Span): object {
  const [published_at, active_from] = [publishedAt, activeAt].map((at) => at && numericDate(at))
  return { published_at, active_from, active_to: retiredAt === undefined ? undefined : Math.ceil(retiredAt) }
}
