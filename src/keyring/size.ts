import { type Alg, algorithm } from '../jose/algorithm.ts'
import { MAX_HISTORY_BYTES } from './history.ts'
import type { Policy } from './policy.ts'

/** How large the ring of a policy becomes. */
export interface RingSize {
  /** Published keys, at most. */
  readonly published: number
  /** Past keys of the whole history, and how many of them the ring carries. */
  readonly past: number
  readonly carried: number
  /** Bytes of the stored document, at most. */
  readonly bytes: number
}

/** Bytes of a stored key besides its public members: names, kid, and three times; and why it was removed. */
const [FRAME_BYTES, REMOVAL_BYTES] = [220, 60]
/** Bytes of a sealed private half for each octet of the public one, at most, and besides. */
const [SEALED_FACTOR, SEALED_FRAME_BYTES] = [10, 700]

/** Octets of the public members of a key. */
function octetsOf(alg: Alg, rsaBits: number): number {
  const { kty, width = rsaBits / 8 } = algorithm(alg)
  return kty === 'EC' ? 2 * width : width
}

/** Reckons the ring at the end of its history, when no operator intervenes. */
export function ringSize({ algs, rsaBits, timing, history }: Policy): RingSize {
  const retired = Math.ceil(timing.retention / timing.interval)
  const ended = Math.floor(history / timing.interval) + 1
  const octets = algs.map((alg) => octetsOf(alg, rsaBits))
  const sum = (bytesOf: (width: number) => number): number => octets.reduce((total, width) => total + bytesOf(width), 0)
  const stored = (width: number): number => Math.ceil(width * 4 / 3) + FRAME_BYTES
  const all = ended * sum((width) => stored(width) + REMOVAL_BYTES)
  const past = ended * algs.length
  const keys = sum((width) => (2 + retired) * stored(width) + 2 * (SEALED_FACTOR * width + SEALED_FRAME_BYTES))
  return {
    published: algs.length * (2 + retired),
    past,
    carried: Math.min(past, Math.floor(past * MAX_HISTORY_BYTES / all)),
    bytes: Math.ceil(keys + Math.min(all, MAX_HISTORY_BYTES)) + FRAME_BYTES,
  }
}
