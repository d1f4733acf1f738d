import { hash } from 'node:crypto'
import type { Base64Url } from '../core/base64url.ts'

/** SHA-256 of bytes, or of text as UTF-8, in base64url (FIPS 180-4); at once, since there is nothing to wait for. */
export function sha256(content: Uint8Array | string): Base64Url {
  return hash('sha256', content, 'base64url') as Base64Url
}
