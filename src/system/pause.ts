import { setTimeout } from 'node:timers/promises'
import type { Seconds } from '../core/time.ts'

/** Resolves after so many seconds. */
export async function pause(length: Seconds): Promise<void> {
  await setTimeout(length * 1000)
}
