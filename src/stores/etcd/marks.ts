import { between, type Instant, instant } from '../../core/time.ts'
import { StoreUnavailable } from '../../keyring/store.ts'
import { type JtiStore, MAX_MARKS_PER_CLIENT, type OpenJtis } from '../../oauth/jti-store.ts'
import { jtiPots, type Marks } from '../jti-pots.ts'
import { Missing } from './member.ts'
import type { Space } from './space.ts'

const MINUTE = 60
/** Marks are kept a little longer than they count. */
const SPARE_SECONDS = 60
const MAX_ATTEMPTS = 8

/** What the lengths of leases are reckoned from. */
type Clocks = Parameters<OpenJtis>[0]

/** Leases by the minute of their end, each long enough for the slowest clock. */
function leasesOf(space: Space, { now, clockError }: Clocks) {
  const leases = new Map<number, Promise<string>>()
  return {
    of: (until: Instant): Promise<string> => {
      const minute = Math.ceil(until / MINUTE)
      for (const past of leases.keys()) if (past * MINUTE < now()) leases.delete(past)
      const rest = Math.max(between(now(), instant(minute * MINUTE)), 0)
      const lease = leases.get(minute) ?? space.lease(Math.ceil(rest + SPARE_SECONDS + 2 * clockError))
      leases.set(minute, lease)
      lease.catch(() => leases.delete(minute))
      return lease
    },
    forget: (): void => leases.clear(),
  }
}

/**
 * Marks of several machines: etcd makes each for one of them only, and ends it by itself. Marks that end in the same
 * minute share a lease.
 */
export function etcdMarks(space: Space, clocks: Clocks, most: number = MAX_MARKS_PER_CLIENT): JtiStore {
  const leases = leasesOf(space, clocks)
  const set = async (name: string, until: Instant): Promise<boolean> => {
    const lease = await leases.of(until)
    return await space.swap(`marks/${name}`, { revision: '0', value: `${until}`, lease }) !== undefined
  }
  const marks: Marks = {
    // A cluster that was restored does not know the lease.
    set: (name, until) => set(name, until).catch((error: unknown) => {
      if (!(error instanceof Missing)) throw error
      leases.forget()
      return set(name, until)
    }),
    raise: async (name, at) => {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        const held = await space.read(`marks/${name}`)
        if (held !== undefined && Number(held.value) >= at) return
        const swap = { revision: held?.revision ?? '0', value: `${at}` }
        if (await space.swap(`marks/${name}`, swap) !== undefined) return
      }
      throw new StoreUnavailable(`Cannot revoke in ${MAX_ATTEMPTS} attempts`)
    },
    timeOf: async (name) => {
      const held = await space.read(`marks/${name}`)
      return held === undefined ? undefined : instant(Number(held.value))
    },
    remove: async () => {},
    found: async function* () {},
  }
  return jtiPots(marks, clocks.now, most)
}
