const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const SURROGATE = /\p{Surrogate}/u

/** Decodes UTF-8; `undefined` when the bytes are not valid UTF-8 (RFC 3629 section 4). */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}

/** Whether every surrogate of the text has its pair, so that UTF-8 can carry it (RFC 8725 section 3.7). */
export function isWellFormed(text: string): boolean {
  return !SURROGATE.test(text)
}
