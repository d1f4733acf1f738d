import type { Seconds } from '../core/time.ts'

/** Resolves after so many seconds. */
export function pause(length: Seconds): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, length * 1000))
}
