import { randomBytes as nodeRandom } from 'node:crypto'
import type { Event } from '../../src/core/event.ts'
import { isObject, parseJson } from '../../src/core/json.ts'
import { type Instant, instant, seconds } from '../../src/core/time.ts'
import { ephemeralKek, type KeyEncryptionKey } from '../../src/jose/kek.ts'
import { decodeRing } from '../../src/keyring/codec.ts'
import type { KeyringDeps } from '../../src/keyring/deps.ts'
import { Keyring } from '../../src/keyring/keyring.ts'
import type { Policy } from '../../src/keyring/policy.ts'
import type { Ring } from '../../src/keyring/ring.ts'
import { type RingStore, StoreUnavailable } from '../../src/keyring/store.ts'

export const randomBytes = (length: number): Uint8Array => new Uint8Array(nodeRandom(length))

/** What a keyring runs on in a test. */
export interface Bench {
  readonly deps: KeyringDeps
  readonly events: Event[]
  /** Setting it moves the monotonic clock along, but never back. */
  now: Instant
  /** Sets the clock alone, as an operator or NTP does. */
  readonly jump: (length: number) => void
}

/** A clock that the test moves, and a list of what was emitted. */
export async function bench(store: RingStore, policy: Policy, kek?: KeyEncryptionKey): Promise<Bench> {
  const events: Event[] = []
  let [now, elapsed] = [instant(1_800_000_000), seconds(0)]
  const made: Bench = {
    get now() {
      return now
    },
    set now(moment) {
      elapsed = seconds(elapsed + Math.max(0, moment - now))
      now = moment
    },
    jump: (length) => {
      now = instant(now + length)
    },
    events,
    deps: {
      store,
      policy: () => policy,
      keks: [kek ?? await ephemeralKek(randomBytes)],
      now: () => now,
      elapsed: () => elapsed,
      randomBytes,
      emit: (event) => events.push(event),
    },
  }
  return made
}

/** The ring in a stored document, whoever sealed it. */
export function ringIn(document: string | undefined): Ring {
  const parsed = parseJson(document ?? '')
  return decodeRing(parsed.ok && isObject(parsed.value) ? parsed.value['ring'] : undefined)
}

/** Opens a keyring that must open, and waits until its keys in hand are made. */
export async function opened({ deps }: Bench): Promise<Keyring> {
  const keyring = await Keyring.open(deps)
  if (!keyring.ok) throw keyring.error
  await keyring.value.refill()
  return keyring.value
}

/** A store that can be cut off, slowed down and looked into. */
export interface Faulty extends RingStore {
  isDown: boolean
  /** Commits, and then tells nobody. */
  isReplyLost: boolean
  /** Called before each commit; may change the store below. */
  beforeReplace: () => Promise<void>
  readonly commits: string[]
}

/** The faults of a network around a real store. */
export function faulty(store: RingStore): Faulty {
  const made: Faulty = {
    durable: store.durable,
    isDown: false,
    isReplyLost: false,
    beforeReplace: async () => {},
    commits: [],
    load: async () => {
      if (made.isDown) throw new StoreUnavailable('cut off')
      return await store.load()
    },
    replace: async (document, expected) => {
      if (made.isDown) throw new StoreUnavailable('cut off')
      await made.beforeReplace()
      const replaced = await store.replace(document, expected)
      if (replaced.ok) made.commits.push(document)
      if (made.isReplyLost) throw new StoreUnavailable('the reply was lost')
      return replaced
    },
  }
  return made
}
