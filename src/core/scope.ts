import type { Json } from './json.ts'

const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/

/** Reads scope tokens with single spaces between them (RFC 6749 section 3.3); undefined when they are malformed. */
export function parseScope(text: Json | undefined): readonly string[] | undefined {
  return typeof text === 'string' && SCOPE.test(text) ? [...new Set(text.split(' '))] : undefined
}
