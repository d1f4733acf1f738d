const ENTITY_TAG = /(?:W\/)?("[\x21\x23-\x7e\x80-\xff]*")/g
/** Tags with commas between them; empty elements are ignored (RFC 9110 section 5.6.1). */
const TAG_LIST = /^[ \t,]*(?:(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"(?:[ \t]*,[ \t,]*|[ \t]*$))*$/
/** A weight between 0 and 1 (RFC 9110 section 12.4.2). */
const QUALITY = /^q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/

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

/**
 * Whether `Accept` names exactly this media type, and ranks it no lower than plain JSON where it names that too
 * (RFC 9110 section 12.5.1). A wildcard names nothing.
 */
export function acceptsExplicitly(accept: string | undefined, type: string): boolean {
  if (accept === undefined || accept === '*/*') return false
  const wanted = quality(accept, type)
  return wanted !== undefined && wanted > 0 && wanted >= (quality(accept, 'application/json') ?? 0)
}

function quality(accept: string, type: string): number | undefined {
  for (const range of accept.toLowerCase().split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim())
    if (name !== type) continue
    const weight = parameters.find((parameter) => parameter.startsWith('q=')) ?? 'q=1'
    return QUALITY.test(weight) ? Number(weight.slice(2)) : 0
  }
  return undefined
}
