import { after, type Clock, type Instant, seconds } from '../core/time.ts'
import { sha256 } from '../jose/digest.ts'
import type { Identifier, JtiStore } from '../oauth/jti-store.ts'

/** Moments in one place, by name; none is set before it would survive what the place survives. */
export interface Marks {
  /** Sets the moment of a name; false if it has one. */
  readonly set: (name: string, until: Instant) => Promise<boolean>
  /** Sets the moment of a name, or moves it ahead. */
  readonly raise: (name: string, at: Instant) => Promise<void>
  readonly timeOf: (name: string) => Promise<Instant | undefined>
  /** Removes a name whose moment has passed; another one stays. */
  readonly remove: (name: string) => Promise<unknown>
  /** The marks that were set before this process started. */
  readonly found: () => AsyncIterable<readonly [name: string, until: Instant]>
}

const MINUTE = 60
/** Marks are kept a little longer than they count. */
const SPARE_SECONDS = seconds(60)
/** The pot of marks that nobody knows the client of. */
const FOUND = ''
/** Where the moments of clients are: they never expire, and a client has one. */
export const ALL = 'clients'

/**
 * Used and revoked identifiers, each client with a pot for either that holds at most so many. Marks are removed by the
 * minute of their expiry: no request waits for that, and none looks through what is stored. A new process counts each
 * client from nothing.
 */
export function jtiPots(marks: Marks, now: Clock, most: number): JtiStore {
  const counts = new Map<string, number>()
  const count = (pot: string, by: 1 | -1): void => void counts.set(pot, (counts.get(pot) ?? 0) + by)
  const isSet = async (name: string): Promise<boolean> => await marks.timeOf(name) !== undefined
  const shelf = shelfOf(now)
  const put = async (kind: 'used' | 'revoked', { client, id, until }: Identifier): ReturnType<JtiStore['use']> => {
    const due = shelf.takeDue()
    for (const { pot } of due) count(pot, -1)
    inTurn(due, ({ name }) => marks.remove(name))
    const [name, pot] = [`${kind}-${id}`, `${kind} ${client}`]
    if ((counts.get(pot) ?? 0) >= most) return await isSet(name) ? 'known' : 'full'
    // Counted before the mark is set: requests that come at once must not exceed the bound together.
    count(pot, 1)
    let isNew = false
    try {
      isNew = await marks.set(name, until)
    } finally {
      if (isNew) shelf.put({ name, pot }, until)
      else count(pot, -1)
    }
    return isNew ? 'new' : 'known'
  }
  inTurn(marks.found(), async ([name, until]) => shelf.put({ name, pot: FOUND }, until))
  return {
    use: (one) => put('used', one),
    revoke: async (one) => {
      const done = await put('revoked', one)
      if (done !== 'full') return done
      await marks.raise(allOf(one.client), now())
      return 'all'
    },
    isRevoked: async (tokens, issuedAt) => {
      const one = tokens.map(({ id }) => isSet(`revoked-${id}`))
      const all = tokens.map(async ({ client }) => issuedAt <= (await marks.timeOf(allOf(client)) ?? -Infinity))
      return (await Promise.all([...one, ...all])).includes(true)
    },
  }
}

/** The name of the moment until which all tokens of a client are revoked. */
function allOf(client: string): string {
  return `${ALL}/${sha256(client)}`
}

/** A mark, and whose share it takes up. */
interface Kept {
  readonly name: string
  readonly pot: string
}

/** Marks by the minute in which they may be removed. */
function shelfOf(now: Clock) {
  const byMinute = new Map<number, Kept[]>()
  let minute = 0
  return {
    put: (one: Kept, until: Instant): void => {
      const end = Math.ceil(after(until, SPARE_SECONDS) / MINUTE)
      const kept = byMinute.get(end) ?? []
      byMinute.set(end, kept)
      kept.push(one)
    },
    takeDue: (): readonly Kept[] => {
      if (minute === Math.floor(now() / MINUTE)) return []
      minute = Math.floor(now() / MINUTE)
      const ends = [...byMinute.keys()].filter((end) => end <= minute)
      const due = ends.flatMap((end) => byMinute.get(end) ?? [])
      for (const end of ends) byMinute.delete(end)
      return due
    },
  }
}

/** One after the other, in the background; the next process finds what an error leaves behind. */
function inTurn<Value>(
  values: Iterable<Value> | AsyncIterable<Value>,
  task: (value: Value) => Promise<unknown>,
): void {
  const work = async (): Promise<void> => {
    for await (const value of values) await task(value).catch(() => {})
  }
  void work().catch(() => {})
}
