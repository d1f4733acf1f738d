import type { Clock, Instant } from '../core/time.ts'
import { type JtiStore, MAX_MARKS_PER_CLIENT } from '../oauth/jti-store.ts'
import { jtiPots } from './jti-pots.ts'

/** Marks in memory, for keys in memory: both are lost when the process ends. */
export function jtiMemory(now: Clock, most: number = MAX_MARKS_PER_CLIENT): JtiStore {
  const marks = new Map<string, Instant>()
  const cuts = new Map<string, Instant>()
  const isSet = (name: string): boolean => (marks.get(name) ?? -Infinity) > now()
  return jtiPots({
    set: async (name, until) => !isSet(name) && marks.set(name, until) === marks,
    has: async (name) => isSet(name),
    remove: async (name) => isSet(name) || marks.delete(name),
    found: async function* () {},
    cut: async (client, at) => void cuts.set(client, at),
    cutAt: async (client) => cuts.get(client),
  }, now, most)
}
