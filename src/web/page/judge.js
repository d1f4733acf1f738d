import { holds } from './algorithms.js'
import { parse } from './jws.js'
import { lengthInWords, momentInWords, utc } from './words.js'

/**
 * Judges a token in words, part by part: what a verifier with our four values must say to it.
 * @typedef {{ readonly good: boolean | undefined, readonly words: string }} Finding
 * @typedef {{ readonly kid: string, readonly alg: string, readonly kty: string }} Named
 * @typedef {Readonly<Record<string, unknown>> & Named} Jwk
 * @typedef {{ readonly issuer: string, readonly audience: string, readonly now: number, readonly longest: number,
 *   readonly keys: readonly Jwk[], readonly removed: readonly string[] }} Wanted
 * @typedef {import('./jws.js').Members} Members
 */

/** Seconds that the clock of an issuer may be ahead of ours. */
const SKEW = 60
const TYPES = ['jwt', 'at+jwt']

/**
 * Everything that can be said of a token; `header` and `claims` where they can be read.
 * @param {string} token
 * @param {Wanted} wanted
 * @returns {Promise<{ readonly findings: readonly Finding[], readonly header?: Members, readonly claims?: Members }>}
 */
export async function judge(token, wanted) {
  const jws = parse(token)
  if (typeof jws === 'string') return { findings: [bad(jws)] }
  const { header, claims } = jws
  const [key, ...keyFindings] = keyOf(header, wanted)
  const findings = [...headerFindings(header), ...keyFindings]
  if (key !== undefined) findings.push(signatureFinding(key, await holds(key, jws.signed, jws.signature)))
  if (claims === undefined) findings.push(bad('The payload is no JSON object with each member once.'))
  if (claims === undefined) return { header, findings }
  return { header, claims, findings: [...findings, ...claimFindings(claims, wanted)] }
}

/** @param {string} words @returns {Finding} */
function good(words) {
  return { good: true, words }
}

/** @param {string} words @returns {Finding} */
function bad(words) {
  return { good: false, words }
}

/** @param {string} words @returns {Finding} */
function note(words) {
  return { good: undefined, words }
}

/**
 * A value of a token as JSON, cut if it is long.
 * @param {unknown} value
 */
function shown(value) {
  const text = value === undefined ? 'missing' : JSON.stringify(value)
  return text.length > 120 ? `${text.slice(0, 120)}…` : text
}

/** @param {Members} header */
function headerFindings({ crit, b64, typ }) {
  const findings = []
  if (crit !== undefined) findings.push(bad('crit demands an extension; there is none here (RFC 7515 section 4.1.11).'))
  if (b64 !== undefined) findings.push(bad('b64: unencoded payloads are not accepted (RFC 7797).'))
  if (typ === undefined) findings.push(note('typ is missing; it is optional.'))
  else if (typeof typ === 'string' && TYPES.includes(typ.toLowerCase().replace(/^application\//, ''))) {
    findings.push(good(`typ is ${shown(typ)}.`))
  } else findings.push(bad(`typ is ${shown(typ)} but must be JWT or at+jwt (RFC 8725 section 3.11).`))
  return findings
}

/**
 * The key that the header names among ours, and what is to be said of that; no key comes from the header.
 * @param {Members} header
 * @param {Wanted} wanted
 * @returns {readonly [Jwk | undefined, ...Finding[]]}
 */
function keyOf({ kid, alg }, { keys, removed }) {
  const published = `published are ${keys.map((key) => `${key.kid} (${key.alg})`).join(', ')}`
  const named = kid === undefined ? keys.filter((key) => key.alg === alg) : keys.filter((key) => key.kid === kid)
  const [key] = named
  if (kid === undefined && named.length !== 1) {
    return [undefined, bad(`kid is missing, and ${named.length} published keys sign with ${shown(alg)}; ${published}.`)]
  }
  if (key === undefined) {
    const once = typeof kid === 'string' && removed.includes(kid) ? ' (one had it, and was removed)' : ''
    return [undefined, bad(`No published key has the kid ${shown(kid)}${once}; ${published}.`)]
  }
  if (key.alg !== alg) {
    return [undefined, bad(`alg is ${shown(alg)} but this key signs with ${key.alg} alone (RFC 8725 section 3.1).`)]
  }
  return [key, good(`kid names the published key ${key.kid}, and alg is its ${key.alg}.`)]
}

/**
 * @param {Jwk} key
 * @param {boolean | 'unsupported'} result
 */
function signatureFinding({ alg }, result) {
  if (result === 'unsupported') return bad(`The signature was not checked: this browser cannot verify ${alg}.`)
  if (result) return good('The signature holds.')
  return bad('The signature does not hold: the token was changed, or another key made it.')
}

/**
 * @param {Members} claims
 * @param {Wanted} wanted
 * @returns {readonly Finding[]}
 */
function claimFindings({ iss, aud, exp, nbf, iat, sub, jti }, { issuer, audience, now, longest }) {
  const audiences = Array.isArray(aud) ? aud : [aud]
  const isFor = audiences.every((name) => typeof name === 'string') && audiences.includes(audience)
  return [
    iss === issuer ? good('iss is this issuer.') : bad(`iss is ${shown(iss)} but must be ${shown(issuer)} exactly.`),
    isFor ? good(`aud is or holds ${shown(audience)}.`)
      : bad(`aud is ${shown(aud)} but must be or hold ${shown(audience)}.`),
    expiryFinding(exp, now, longest),
    ...[startFinding('nbf', nbf, now), startFinding('iat', iat, now)].flat(),
    ...sub === undefined ? [note('sub is missing.')] : [note(`sub is ${shown(sub)}: whom the token is about.`)],
    ...jti === undefined ? [] : [note(`jti is ${shown(jti)}: the name of this token.`)],
  ]
}

/**
 * @param {unknown} exp
 * @param {number} now
 * @param {number} longest
 */
function expiryFinding(exp, now, longest) {
  if (exp === undefined) return bad('exp is missing: the token would never expire.')
  if (typeof exp !== 'number') return bad(`exp is ${shown(exp)} but must be a number of seconds since 1970.`)
  if (exp <= now) return bad(`exp: expired ${lengthInWords(now - exp)} ago, at ${utc(exp)}.`)
  if (exp > now + longest + SKEW) {
    return bad(`exp: expires ${momentInWords(exp, now)}, but tokens live ${lengthInWords(longest)} at most here.`)
  }
  return good(`exp: expires ${momentInWords(exp, now)}, at ${utc(exp)}.`)
}

/**
 * @param {'nbf' | 'iat'} name
 * @param {unknown} moment
 * @param {number} now
 * @returns {readonly Finding[]}
 */
function startFinding(name, moment, now) {
  if (moment === undefined) return [note(`${name} is missing; it is optional.`)]
  if (typeof moment !== 'number') return [bad(`${name} is ${shown(moment)} but must be seconds since 1970, a number.`)]
  const meaning = name === 'nbf' ? 'valid' : 'issued'
  if (moment > now + SKEW) return [bad(`${name}: ${meaning} only ${momentInWords(moment, now)}; compare the clocks.`)]
  return [good(`${name}: ${meaning} ${name === 'nbf' ? 'since ' : ''}${momentInWords(moment, now)}.`)]
}
