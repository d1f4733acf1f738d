import type { Call, Handler } from '../http/call.ts'
import { problem } from '../http/problem.ts'
import { type Reply, reply } from '../http/reply.ts'
import { PUBLIC, type Route } from '../http/router.ts'
import { sha256 } from '../jose/digest.ts'
import type { Current, Snapshot } from '../keyring/snapshot.ts'

const ENTITY_TAG = /(?:W\/)?("[\x21\x23-\x7e\x80-\xff]*")/g
/** Tags with commas between them; empty elements are ignored (RFC 9110 section 5.6.1). */
const TAG_LIST = /^[ \t,]*(?:(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"(?:[ \t]*,[ \t,]*|[ \t]*$))*$/

/** One form of a public document: its answer, and the answer for a cache that has it already. */
export interface Representation {
  readonly etag: string
  readonly whole: Reply
  readonly notModified: Reply
}

/** Makes both answers of a public document. A 304 repeats what a cache needs to know (RFC 9110 section 15.4.5). */
export function representation(
  body: string,
  etag: string,
  headers: { readonly 'content-type': string; readonly 'cache-control': string; readonly vary?: string },
): Representation {
  const { 'content-type': type, ...caching } = headers
  const shared = { etag, ...caching, ...PUBLIC }
  return { etag, whole: reply(200, { 'content-type': type, ...shared }, body), notModified: reply(304, shared) }
}

/** Answers a representation, or 304 when the caller has it (RFC 9110 section 13.1.2). */
export function conditional({ etag, whole, notModified }: Representation, call: Call): Reply {
  return matchesEtag(call.header('if-none-match'), etag) ? notModified : whole
}

/** A handler whose answers are made once for each snapshot and `basis`, and chosen for each call. */
export function fromSnapshot<Made>(
  { current, basis }: Pick<DocumentDeps, 'current' | 'basis'>,
  make: (snapshot: Snapshot) => Made,
  choose: (made: Made, call: Call) => Reply,
): Handler {
  let last: { readonly snapshot: Snapshot; readonly basis: unknown; readonly made: Made } | undefined
  const answer = (snapshot: Snapshot | undefined, call: Call): Reply => {
    if (snapshot === undefined) return outOfReach()
    const present = basis?.()
    if (last?.snapshot !== snapshot || last.basis !== present) last = { snapshot, basis: present, made: make(snapshot) }
    return choose(last.made, call)
  }
  return (call) => {
    const snapshot = current()
    return snapshot instanceof Promise ? snapshot.then((ready) => answer(ready, call)) : answer(snapshot, call)
  }
}

/** What a public document needs. */
export interface DocumentDeps {
  readonly current: Current
  readonly cacheControl: string
  /** What the document is made of besides the snapshot, compared by identity. */
  readonly basis?: () => unknown
}

/** A public JSON document that is made of the ring; its tag is the first 128 bits of its SHA-256. */
export function documentRoute(path: string, deps: DocumentDeps, contentOf: (snapshot: Snapshot) => object): Route {
  const headers = { 'content-type': 'application/json', 'cache-control': deps.cacheControl }
  const make = (snapshot: Snapshot): Representation => {
    const body = `${JSON.stringify(contentOf(snapshot))}\n`
    return representation(body, `"${sha256(body).slice(0, 22)}"`, headers)
  }
  return { path, methods: { GET: fromSnapshot(deps, make, conditional) }, cors: 'public' }
}

/** The answer while the store has been away for so long that any key could be out of date. */
export function outOfReach(): Reply {
  return problem(503, 'The key store has been out of reach for too long', { headers: { 'retry-after': '5' } })
}

/**
 * Whether `If-None-Match` names the tag, in the weak comparison (RFC 9110 sections 13.1.2 and 8.8.3.2). A malformed
 * header names nothing, so that the client gets the whole document.
 */
export function matchesEtag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  // Nearly every cache sends one of these.
  if (ifNoneMatch === etag || ifNoneMatch === '*') return true
  return TAG_LIST.test(ifNoneMatch) && [...ifNoneMatch.matchAll(ENTITY_TAG)].some(([, tag]) => tag === etag)
}
