import type { Brand } from './brand.ts'

/** Base64url text without padding, line breaks or white space (RFC 7515 section 2). */
export type Base64Url = Brand<string, 'Base64Url'>

/** Encodes bytes, or text as UTF-8. */
export function encodeBase64url(content: Uint8Array | string): Base64Url {
  const bytes = typeof content === 'string' ? Buffer.from(content)
    : Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  return bytes.toString('base64url') as Base64Url
}

/**
 * Decodes canonical base64url; undefined for padding, `+`, `/`, white space and unused bits, all of which Node's own
 * decoder accepts (RFC 7515 section 2, RFC 4648 section 3.5).
 */
export function decodeBase64url(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Decodes UTF-8; `undefined` when the bytes are not valid UTF-8 (RFC 3629 section 4). */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}
