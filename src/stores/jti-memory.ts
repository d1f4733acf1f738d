import type { Clock, Instant } from '../core/time.ts'
import { type JtiStore, MAX_MARKS_PER_CLIENT } from '../oauth/jti-store.ts'
import { jtiPots } from './jti-pots.ts'

/** Marks in memory, for keys in memory: both are lost when the process ends. */
export function jtiMemory(now: Clock, most: number = MAX_MARKS_PER_CLIENT): JtiStore {
  const times = new Map<string, Instant>()
  return jtiPots({
    set: async (name, until) => !times.has(name) && times.set(name, until) === times,
    raise: async (name, at) => void times.set(name, at),
    timeOf: async (name) => times.get(name),
    remove: async (name) => times.delete(name),
    found: async function* () {},
  }, now, most)
}
