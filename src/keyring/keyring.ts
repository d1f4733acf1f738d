import { type Emit, faultEvent } from '../core/event.ts'
import type { RandomBytes } from '../core/random.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { after, between, type Clock, earliest, type Instant, type Seconds, seconds } from '../core/time.ts'
import type { KeyEncryptionKey } from '../jose/wrap.ts'
import { advance } from './advance.ts'
import { encodeRing, storedRing } from './codec.ts'
import { KeyringFault } from './fault.ts'
import { type HighWaterMarks, longestView, NO_MARKS, type Policy, proof, proofText } from './policy.ts'
import { keyPool, type Pool } from './pool.ts'
import { EMPTY_RING, type Ring } from './ring.ts'
import type { Snapshot } from './snapshot.ts'
import { type RingStore, type Stored, StoreUnavailable, type Version } from './store.ts'
import { type Committed, takeView, type View } from './view.ts'

/** What a keyring needs of the world. */
export interface KeyringDeps {
  readonly store: RingStore
  /** The policy in force over a store whose earlier policies left these marks. */
  readonly policy: (marks: HighWaterMarks) => Policy
  readonly kek: KeyEncryptionKey
  readonly now: Clock
  readonly randomBytes: RandomBytes
  readonly emit: Emit
}

/** How a keyring stands with its store. */
export interface Health {
  /** Whether its view is fresh enough to sign and to publish. */
  readonly ready: boolean
  /** Whether the last exchange with the store succeeded. */
  readonly inStep: boolean
  /** Seconds since the store was last read. */
  readonly viewAge: Seconds
}

/** Commits and reloads that one tick may make before it leaves the rest to the next. */
const ROUNDS = 8

/** Keeps the ring of a store up to date, and hands out snapshots of it. */
export class Keyring {
  readonly policy: Policy
  readonly #deps: KeyringDeps
  readonly #pool: Pool
  #view: View | undefined
  #inStep = true
  #retryAt: Instant
  #ticking: Promise<void> | undefined

  private constructor(deps: KeyringDeps, policy: Policy) {
    this.policy = policy
    this.#deps = deps
    this.#pool = keyPool(policy, deps)
    this.#retryAt = deps.now()
  }

  /**
   * Loads the ring, or makes the first one in an empty store. Answers the fault for a content that cannot be used or
   * a policy that breaks the promise; rejects with `StoreUnavailable` when the store does not answer.
   */
  static async open(deps: KeyringDeps): Promise<Result<Keyring, KeyringFault>> {
    try {
      const stored = await deps.store.load()
      const marks = stored === undefined ? NO_MARKS : storedRing(stored).marks
      const keyring = new Keyring(deps, deps.policy(marks))
      const broken = proof(keyring.policy.timing, marks).find(({ holds }) => !holds)
      if (broken !== undefined) throw new KeyringFault('promise_broken', `${proofText(broken)}: ${broken.remedy}`)
      if (stored === undefined) await keyring.#pool.fill()
      await keyring.#cycle()
      keyring.#pool.refill(() => keyring.tick())
      return ok(keyring)
    } catch (error) {
      if (error instanceof KeyringFault) return fail(error)
      throw error
    }
  }

  /**
   * The ring as it stands now, brought up to date first; at once when nothing is due, which one comparison tells.
   * Undefined when the store has been out of reach for so long that signing or publishing would break the promise.
   */
  current(): Snapshot | undefined | Promise<Snapshot | undefined> {
    const { due, seenAt, snapshot } = this.#seen
    const now = this.#deps.now()
    return now < due && now >= seenAt ? snapshot : this.#catchUp()
  }

  /** Reads the store, and commits what is due; never rejects, and runs once at a time. */
  tick(): Promise<void> {
    this.#ticking ??= this.#attempt().finally(() => {
      this.#ticking = undefined
    })
    return this.#ticking
  }

  /** When the timer should call `tick` again: ahead of the requests, so that they find nothing to do. */
  nextTick(): Instant {
    const { due, seenAt } = this.#seen
    return this.#inStep ? earliest([due, after(seenAt, this.#pollEvery())]) : this.#retryAt
  }

  /** What the policies of this store have handed out so far. */
  marks(): HighWaterMarks {
    return this.#seen.snapshot.ring.marks
  }

  /** How the keyring stands with its store. */
  health(): Health {
    const viewAge = between(this.#seen.seenAt, this.#deps.now())
    return { ready: this.#isFresh(), inStep: this.#inStep, viewAge }
  }

  /** Resolves when no key is being made in the background. */
  settled(): Promise<void> {
    return this.#pool.settled()
  }

  /** There is a view from the moment that `open` answers. */
  get #seen(): View {
    return this.#view as View
  }

  async #catchUp(): Promise<Snapshot | undefined> {
    // During an outage requests do not wait for the store: the timer goes on trying.
    if (this.#inStep) await this.tick()
    // The tick that was joined may have asked the store before a suspension.
    if (this.#inStep && !this.#isFresh()) await this.tick()
    return this.#isFresh() ? this.#seen.snapshot : undefined
  }

  #isFresh(): boolean {
    const { seenAt, snapshot } = this.#seen
    // A clock that has stepped back does not make the view any younger.
    return Math.abs(between(seenAt, this.#deps.now())) <= longestView(this.policy.timing, snapshot.ring.marks)
  }

  async #attempt(): Promise<void> {
    try {
      await this.#cycle()
      if (!this.#inStep) this.#deps.emit({ name: 'store.recovered' })
      this.#inStep = true
      this.#pool.refill(() => this.tick())
    } catch (error) {
      const expected = error instanceof KeyringFault || error instanceof StoreUnavailable
      if (!expected) this.#deps.emit(faultEvent(error))
      if (this.#inStep) this.#deps.emit({ name: 'store.failed', code: expected ? error.code : 'unexpected' })
      this.#inStep = false
      this.#retryAt = after(this.#deps.now(), this.#pollEvery())
    }
  }

  /** Goes round until a committed ring leaves nothing to do; a lost race only means to read again. */
  async #cycle(): Promise<void> {
    const { store, now } = this.#deps
    for (let round = 0; round < ROUNDS; round += 1) {
      const seenAt = now()
      const stored = await store.load()
      const ring = this.#ringOf(stored)
      const step = advance(ring, this.policy, now(), this.#pool.keys())
      if (stored === undefined && step.ring === ring) throw vanished()
      if (step.ring === ring) return await this.#adopt({ ring, version: (stored as Stored).version, seenAt })
      const replaced = await this.#offer(step.ring, stored?.version)
      if (!replaced.ok) continue
      await this.#adopt({ ring: step.ring, version: replaced.value, seenAt })
      for (const { kid, alg, to } of step.changes) this.#deps.emit({ name: `key.${to}`, kid, alg })
    }
    throw new StoreUnavailable(`Cannot settle the ring in ${ROUNDS} rounds`)
  }

  async #offer(ring: Ring, expected: Version | undefined): Promise<Result<Version, 'conflict'>> {
    try {
      return await this.#deps.store.replace(encodeRing(ring), expected)
    } catch (error) {
      // It may be committed all the same, so no key of it may be offered again.
      this.#pool.drop(ring)
      throw error
    }
  }

  #ringOf(stored: Stored | undefined): Ring {
    if (stored !== undefined) return stored.version === this.#view?.version ? this.#seen.snapshot.ring : storedRing(stored)
    // A ring was there before: whoever took it away, fresh keys would strand every token that is out.
    if (this.#view !== undefined) throw vanished()
    return EMPTY_RING
  }

  async #adopt(committed: Committed): Promise<void> {
    this.#view = await takeView(committed, this.#view, this.policy, this.#deps.kek)
    this.#pool.drop(committed.ring)
  }

  #pollEvery(): Seconds {
    return seconds(this.policy.timing.propagation / 2)
  }
}

function vanished(): KeyringFault {
  return new KeyringFault('ring_vanished', 'The store is empty, and was not before')
}
