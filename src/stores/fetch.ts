import type { Fetch } from '../oauth/key-source.ts'

/** Milliseconds and bytes that one answer may take. */
const PATIENCE = 5000
const LARGEST = 262_144

/** Fetches a small document by GET; follows no redirect, and answers undefined for everything but a 200 in time. */
export const fetchDocument: Fetch = async (url) => {
  try {
    const headers = { accept: 'application/jwk-set+json, application/json' }
    const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(PATIENCE), headers })
    if (answer.status !== 200 || answer.body === null) return undefined
    const chunks: Uint8Array[] = []
    let length = 0
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
      length += chunk.length
      if (length > LARGEST) return undefined
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  } catch {
    return undefined
  }
}
