import { randomBytes } from 'node:crypto'
import type { RandomBytes } from '../core/random.ts'

/** The entropy of this machine. */
export const systemRandom: RandomBytes = (length) => new Uint8Array(randomBytes(length))
