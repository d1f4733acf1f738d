/** Takes a token apart (RFC 7515 section 7.1), as strictly as the server does. */

/**
 * @typedef {{ readonly [name: string]: unknown }} Members
 * @typedef {{ readonly header: Members, readonly claims: Members | undefined, readonly signed: Uint8Array<ArrayBuffer>,
 *   readonly signature: Uint8Array<ArrayBuffer> }} Jws
 */

const MAX_LENGTH = 16_384
const MAX_DEPTH = 32
/** In valid JSON: a bracket, or a string, with the colon behind it if it is the name of a member. */
const STRINGS = /[{}]|"(?:[^"\\]|\\.)*"(\s*:)?/g

/**
 * The parts of a token, without claims where they are no JSON object; or why it is none, in words.
 * @param {string} token
 * @returns {Jws | string}
 */
export function parse(token) {
  if (token.length > MAX_LENGTH) return `The token is longer than ${MAX_LENGTH} characters.`
  const parts = token.split('.')
  if (parts.length === 5) return 'The token has five parts: it is encrypted (JWE), and this server makes none.'
  const [head, payload, signature] = parts.map(decode)
  if (parts.length !== 3) return 'This is no signed token: it must be three parts with dots between them.'
  if (head === undefined || payload === undefined || signature === undefined) {
    return 'A part is not canonical base64url: no padding, no space, no stray bits (RFC 7515 section 2).'
  }
  const header = objectIn(head)
  if (header === undefined) return 'The header is no JSON object with each member once.'
  const signed = new TextEncoder().encode(`${parts[0]}.${parts[1]}`)
  return { header, claims: objectIn(payload), signed, signature }
}

/**
 * @param {string} text
 * @returns {Uint8Array<ArrayBuffer> | undefined}
 */
function decode(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return undefined
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0))
  const again = btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
  return again === text ? bytes : undefined
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @returns {Members | undefined}
 */
function objectIn(bytes) {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const value = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject && !repeats(text) && isShallow(value, 0) ? value : undefined
  } catch {
    return undefined
  }
}

/**
 * Whether an object in a text that is valid JSON has a member twice.
 * @param {string} text
 */
function repeats(text) {
  /** @type {Set<string>[]} */
  const open = []
  for (const [found, colon] of text.matchAll(STRINGS)) {
    if (found === '{') open.push(new Set())
    else if (found === '}') open.pop()
    else if (colon !== undefined) {
      const name = JSON.parse(found.slice(0, -colon.length))
      if (open.at(-1)?.has(name)) return true
      open.at(-1)?.add(name)
    }
  }
  return false
}

/**
 * @param {unknown} value
 * @param {number} depth
 * @returns {boolean}
 */
function isShallow(value, depth) {
  if (typeof value !== 'object' || value === null) return true
  return depth < MAX_DEPTH && Object.values(value).every((inner) => isShallow(inner, depth + 1))
}
