import { readFileSync } from 'node:fs'

/** Where the system hides its limit, as Node's permission model does: what most systems allow at least. */
const USUAL_LIMIT = 1024

/** How many files and connections this process may have open at once; infinite where the system sets no bound. */
export function openFileLimit(): number {
  try {
    return Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1] ?? Infinity)
  } catch {
    return USUAL_LIMIT
  }
}
