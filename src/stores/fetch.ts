import type { System } from '../core/system.ts'
import type { Drop } from '../jose/foreign-key.ts'
import type { KeySource } from '../oauth/client.ts'
import { type Fetch, remoteKeys } from '../oauth/key-source.ts'
import { ask } from './peer.ts'

const FETCH_TIMEOUT_MS = 5000
const MAX_DOCUMENT_BYTES = 262_144

/** The keys at an address, fetched when needed. */
export function keysAt(url: string, { now, emit }: Pick<System, 'now' | 'emit'>): KeySource {
  const fetchFrom: Fetch = async () => {
    const content = await fetchDocument(url)
    if (content === undefined) emit({ name: 'jwks.failed', url })
    return content
  }
  const drop: Drop = (place, member) => emit({ name: 'jwks.dropped', from: url, place, member })
  return remoteKeys(url, { fetchFrom, now, drop })
}

/** Fetches a small document by GET, without redirects; undefined for everything but a 200 in time. */
export const fetchDocument: Fetch = async (url) => {
  // Without a word about codings any would be right (RFC 9110 section 12.5.3).
  const headers = { accept: 'application/jwk-set+json, application/json', 'accept-encoding': 'identity' }
  const limits = { withinMs: FETCH_TIMEOUT_MS, maxBytes: MAX_DOCUMENT_BYTES }
  const answer = await ask({ url: new URL(url), method: 'GET', headers, ...limits }).catch(() => undefined)
  return answer?.status === 200 ? answer.body : undefined
}
