import { encodeBase64url } from '../core/encoding.ts'

/** Signs `payload` under the protected header, in compact serialization (RFC 7515 sections 5.1 and 7.1). */
export async function signCompact(
  header: Uint8Array | string,
  payload: Uint8Array | string,
  sign: (data: Uint8Array) => Promise<Uint8Array>,
): Promise<string> {
  const signingInput = `${encodeBase64url(header)}.${encodeBase64url(payload)}`
  const signature = await sign(Buffer.from(signingInput, 'latin1'))
  return `${signingInput}.${encodeBase64url(signature)}`
}
