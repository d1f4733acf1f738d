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
 * small: whether its key signed when the token says, and whether the key was revoked. No verifier of live tokens may
 * take keys from here.
 */
export function historyRoute(deps: HistoryDeps): Route {
  return documentRoute('/.well-known/jwks-history.json', deps, ({ ring }) => {
    const past = ring.history.map(({ jwk, publishedAt, activeAt, retiredAt, removedAt, why, reason }) =>
      ({ jwk, state: 'removed', ...span(publishedAt, activeAt, retiredAt), removed_at: Math.ceil(removedAt), why, reason }))
    const present = ring.keys.map((key) => key.state === 'standby'
      ? { jwk: key.jwk, state: key.state, ...span(key.publishedAt, undefined, undefined) }
      : { jwk: key.jwk, state: key.state, ...span(key.publishedAt, key.activeAt, key.state === 'retired' ? key.retiredAt : undefined) })
    return { issuer: deps.issuer.url, keys: [...past, ...present] }
  })
}

/** Seconds since the epoch, whole ones outwards, so that no token of the key lies outside. */
function span(published: Instant | undefined, from: Instant | undefined, to: Instant | undefined): object {
  const [published_at, active_from] = [published, from].map((moment) => moment === undefined ? undefined : numericDate(moment))
  return { published_at, active_from, active_to: to === undefined ? undefined : Math.ceil(to) }
}
