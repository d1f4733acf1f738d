import type { Clock, Instant } from '../core/time.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import type { JtiStore } from '../oauth/jti-store.ts'

/** Marks at most; more of them in force means an attack, or a deployment that needs a store of another kind. */
export const MOST_MARKS = 100_000

/** Marks that die with the process, for keys that do. */
export function jtiMemory(now: Clock): JtiStore {
  const marks = new Map<string, Instant>()
  const sweep = (): void => {
    for (const [name, until] of marks) if (until <= now()) marks.delete(name)
  }
  return {
    mark: async (mark, id, until) => {
      const name = `${mark}-${id}`
      if ((marks.get(name) ?? -Infinity) > now()) return false
      if (marks.size >= MOST_MARKS) sweep()
      if (marks.size >= MOST_MARKS) throw new StoreUnavailable('Cannot remember any more identifiers')
      marks.set(name, until)
      return true
    },
    isMarked: async (mark, id) => (marks.get(`${mark}-${id}`) ?? -Infinity) > now(),
  }
}
