import type { Clock, Instant } from '../core/time.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import { type JtiStore, MAX_MARKS } from '../oauth/jti-store.ts'

/** Marks in memory, for keys in memory: both are lost when the process ends. */
export function jtiMemory(now: Clock): JtiStore {
  const marks = new Map<string, Instant>()
  const sweep = (): void => {
    for (const [name, until] of marks) if (until <= now()) marks.delete(name)
  }
  return {
    mark: async (mark, id, until) => {
      const name = `${mark}-${id}`
      if ((marks.get(name) ?? -Infinity) > now()) return false
      if (marks.size >= MAX_MARKS) sweep()
      if (marks.size >= MAX_MARKS) throw new StoreUnavailable('Cannot remember any more identifiers')
      marks.set(name, until)
      return true
    },
    isMarked: async (mark, id) => (marks.get(`${mark}-${id}`) ?? -Infinity) > now(),
  }
}
