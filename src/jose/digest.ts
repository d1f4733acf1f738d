import { createHash, hash, timingSafeEqual } from 'node:crypto'
import type { Base64Url } from '../core/encoding.ts'

/** SHA-256 of bytes, or of text as UTF-8, in base64url (FIPS 180-4); at once, since there is nothing to wait for. */
export function sha256(content: Uint8Array | string): Base64Url {
  return hash('sha256', content, 'base64url') as Base64Url
}

/** Whether two secrets are the same, in a time that does not depend on where they differ, nor on their lengths. */
export function isSameSecret(one: string, other: string): boolean {
  const [left, right] = [one, other].map((text) => createHash('sha256').update(text).digest()) as [Buffer, Buffer]
  return timingSafeEqual(left, right)
}
