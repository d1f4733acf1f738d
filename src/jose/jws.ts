import { encodeBase64url } from '../core/base64url.ts'
import type { Brand } from '../core/brand.ts'

/** A JWS in compact serialization (RFC 7515 section 7.1). */
export type CompactJws = Brand<string, 'CompactJws'>

/** Signs `payload` under the protected header, both as the bytes that they are (RFC 7515 section 5.1). */
export async function signCompact(
  header: Uint8Array | string,
  payload: Uint8Array | string,
  sign: (data: Uint8Array) => Promise<Uint8Array>,
): Promise<CompactJws> {
  const signingInput = `${encodeBase64url(header)}.${encodeBase64url(payload)}`
  const signature = await sign(Buffer.from(signingInput, 'latin1'))
  return `${signingInput}.${encodeBase64url(signature)}` as CompactJws
}
