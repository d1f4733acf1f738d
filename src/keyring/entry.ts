import { type Instant, numericDate } from '../core/time.ts'
import type { Key, PastKey } from './ring.ts'

/** A key, published or past, as the history shows it; times are rounded so that no token was issued outside. */
export function historyEntry(key: Key | PastKey): object {
  const { jwk, imported } = key
  const known = { ...spanOf(key), imported }
  if ('state' in key) return { jwk, state: key.state, ...known }
  const { removedAt, why, reason } = key
  return { jwk, state: 'removed', ...known, removed_at: Math.ceil(removedAt), why, reason }
}

/** When a key was published, began to sign, and ceased to sign. */
type Span = { readonly [Moment in 'publishedAt' | 'activeAt' | 'retiredAt']?: Instant | undefined }

function spanOf({ publishedAt, activeAt, retiredAt }: Span): object {
  const [published_at, active_from] = [publishedAt, activeAt].map((at) => at && numericDate(at))
  return { published_at, active_from, active_to: retiredAt === undefined ? undefined : Math.ceil(retiredAt) }
}
