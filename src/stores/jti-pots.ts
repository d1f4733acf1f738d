import { after, type Clock, type Instant, seconds } from '../core/time.ts'
import type { Identifier, JtiStore } from '../oauth/jti-store.ts'

/** Marks in one place, by name; none is set before it would survive what the place survives. */
export interface Marks {
  /** Sets a mark; false if it is set already. */
  readonly set: (name: string, until: Instant) => Promise<boolean>
  readonly has: (name: string) => Promise<boolean>
  /** Removes a mark that has expired; one that has not stays. */
  readonly remove: (name: string) => Promise<unknown>
  /** The marks that were set before this process started. */
  readonly found: () => AsyncIterable<readonly [name: string, until: Instant]>
  /** Sets or reads the moment until which the tokens of a client are revoked. */
  readonly cut: (client: string, at: Instant) => Promise<void>
  readonly cutAt: (client: string) => Promise<Instant | undefined>
}

const MINUTE = 60
/** Marks are kept a little longer than they count. */
const SPARE_SECONDS = seconds(60)

/**
 * Used and revoked identifiers, each client with a pot for either that holds at most so many. Marks are removed by the
 * minute of their expiry: no request waits for that, and none looks through what is stored. A new process counts each
 * client from nothing.
 */
export function jtiPots(marks: Marks, now: Clock, most: number): JtiStore {
  const counts = new Map<string, number>()
  const count = (pot: string, by: 1 | -1): void => {
    const total = (counts.get(pot) ?? 0) + by
    if (total > 0) counts.set(pot, total)
    else counts.delete(pot)
  }
  const shelf = shelfOf(now)
  const put = async (kind: 'used' | 'revoked', { client, id, until }: Identifier): ReturnType<JtiStore['use']> => {
    const due = shelf.takeDue()
    for (const { pot } of due) count(pot, -1)
    if (due.length > 0) void inTurn(due, ({ name }) => marks.remove(name))
    const [name, pot] = [`${kind}-${id}`, `${kind} ${client}`]
    if ((counts.get(pot) ?? 0) >= most) return await marks.has(name) ? 'known' : 'full'
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
  void inTurn(marks.found(), async ([name, until]) => shelf.put({ name, pot: FOUND }, until))
  return {
    use: (one) => put('used', one),
    revoke: async (one) => {
      const done = await put('revoked', one)
      if (done !== 'full') return done
      await marks.cut(one.client, now())
      return 'all'
    },
    isRevoked: (tokens, issuedAt) => isRevoked(marks, tokens, issuedAt),
  }
}

async function isRevoked(marks: Marks, ...[tokens, issuedAt]: Parameters<JtiStore['isRevoked']>): Promise<boolean> {
  const isCut = async (client: string): Promise<boolean> => issuedAt <= (await marks.cutAt(client) ?? -Infinity)
  const clients = [...new Set(tokens.map(({ client }) => client))]
  const all = await Promise.all([...tokens.map(({ id }) => marks.has(`revoked-${id}`)), ...clients.map(isCut)])
  return all.includes(true)
}

/** The pot of marks that nobody knows the client of. */
const FOUND = ''

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
async function inTurn<Value>(
  values: Iterable<Value> | AsyncIterable<Value>,
  task: (value: Value) => Promise<unknown>,
): Promise<void> {
  try {
    for await (const value of values) await task(value).catch(() => {})
  } catch { /* The place cannot be read now. */ }
}
