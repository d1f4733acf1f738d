import type { Issuer } from '../core/issuer.ts'
import type { Route } from '../http/router.ts'
import { historyEntry } from '../keyring/entry.ts'
import { type DocumentDeps, documentRoute } from './document.ts'

/** What the history needs. */
export interface HistoryDeps extends DocumentDeps {
  readonly issuer: Issuer
}

/**
 * The keys that were published, the oldest first, as many as a ring carries. So an old token can be checked although
 * the live set is small: whether its key signed at its `iat`, and whether the key was revoked. No verifier of live
 * tokens may use these keys.
 */
export function historyRoute(deps: HistoryDeps): Route {
  return documentRoute('/.well-known/jwks-history.json', deps, ({ ring: { history, keys } }) =>
    ({ issuer: deps.issuer.url, keys: [...history, ...keys].map(historyEntry) }))
}
