import { randomBytes } from 'node:crypto'
import type { RandomBytes } from '../core/random.ts'

/** Bytes fetched at once: fetching some for each token would make tokens 4 % slower (RS256 and ES256, Node 26). */
const POOL_BYTES = 4096

let pool = new Uint8Array(0)
let used = 0

/** Random bytes of this machine; each byte is used once and wiped from the pool. */
export const systemRandom: RandomBytes = (length) => {
  if (length > POOL_BYTES) return new Uint8Array(randomBytes(length))
  if (used + length > pool.length) [pool, used] = [new Uint8Array(randomBytes(POOL_BYTES)), 0]
  const bytes = pool.slice(used, used + length)
  pool.fill(0, used, used += length)
  return bytes
}
