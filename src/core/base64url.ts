import type { Brand } from './brand.ts'

/** Base64url text without padding, line breaks or white space (RFC 7515 section 2). */
export type Base64Url = Brand<string, 'Base64Url'>

/** Encodes bytes, or text as UTF-8. */
export function encodeBase64url(content: Uint8Array | string): Base64Url {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'utf8') : view(content)
  return bytes.toString('base64url') as Base64Url
}

/**
 * Decodes canonical base64url; `undefined` for padding, `+`, `/`, white space and stray bits, all of which
 * Node's own decoder lets pass (RFC 7515 section 2, RFC 4648 section 3.5).
 */
export function decodeBase64url(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
