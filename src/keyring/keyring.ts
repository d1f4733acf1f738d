import { type Emit, faultEvent } from '../core/event.ts'
import type { RandomBytes } from '../core/random.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { after, between, type Clock, earliest, type Instant, type Seconds, seconds } from '../core/time.ts'
import type { Keks } from '../jose/kek.ts'
import { advance } from './advance.ts'
import { KeyringFault } from './fault.ts'
import type { Health } from './health.ts'
import { type Committed, type Ledger, ledger } from './ledger.ts'
import { carryOut, type Order, type OrderFault } from './order.ts'
import { type HighWaterMarks, longestView, NO_MARKS, type Policy, proof, proofText } from './policy.ts'
import { keyPool, type Pool } from './pool.ts'
import type { Ring } from './ring.ts'
import { type Decide, playRound, type Round } from './round.ts'
import type { Snapshot } from './snapshot.ts'
import { type RingStore, StoreUnavailable } from './store.ts'
import { takeView, type View } from './view.ts'

/** What a keyring needs of the world. */
export interface KeyringDeps {
  readonly store: RingStore
  /** The policy in force over a store whose earlier policies left these marks. */
  readonly policy: (marks: HighWaterMarks) => Policy
  readonly keks: Keks
  readonly now: Clock
  readonly randomBytes: RandomBytes
  readonly emit: Emit
}

/** Rounds that one tick may play before it leaves the rest to the next. */
const ROUNDS = 8

/** Keeps the ring of a store up to date, and hands out snapshots of it. */
export class Keyring {
  readonly policy: Policy
  readonly #deps: KeyringDeps
  readonly #pool: Pool
  readonly #ledger: Ledger
  readonly #pollEvery: Seconds
  #view: View | undefined
  #inStep = true
  #retryAt: Instant
  #ticking: Promise<void> | undefined
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(deps: KeyringDeps, records: Ledger, policy: Policy) {
    this.policy = policy
    this.#deps = deps
    this.#ledger = records
    this.#pool = keyPool(policy, deps)
    this.#pollEvery = seconds(policy.timing.propagation / 2)
    this.#retryAt = deps.now()
  }

  /**
   * Loads the ring, or makes the first one in an empty store; keys that can wait are left to `refill`. Answers the
   * fault for a content that cannot be used or a policy that breaks the promise; rejects with `StoreUnavailable` when
   * the store does not answer.
   */
  static async open(deps: KeyringDeps): Promise<Result<Keyring, KeyringFault>> {
    try {
      const records = ledger(deps)
      const held = await records.read()
      const marks = held?.ring.marks ?? NO_MARKS
      const keyring = new Keyring(deps, records, deps.policy(marks))
      const broken = proof(keyring.policy.timing, marks).find(({ holds }) => !holds)
      if (broken !== undefined) throw new KeyringFault('promise_broken', `${proofText(broken)}: ${broken.remedy}`)
      if (held === undefined) await keyring.#pool.fill()
      await keyring.#cycle()
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
    this.#ticking ??= this.#alone(() => this.#attempt()).finally(() => {
      this.#ticking = undefined
    })
    return this.#ticking
  }

  /**
   * Carries out an operator's order on the ring as it stands now, and answers the ring that was committed. Rejects
   * with `StoreUnavailable` or a `KeyringFault`; the order may have been carried out all the same.
   */
  async perform(order: Order): Promise<Result<Ring, OrderFault>> {
    // A key that is missing or being made belongs to the next standby, which the same commit shall hold.
    await this.refill()
    return await this.#alone(async () => {
      await this.#cycle()
      const done = await this.#until('committed', (ring, now, fresh) => carryOut(ring, this.policy, now, fresh, order))
      if (!done.ok) return done
      // Stamps what is committed now; when the store fails at that, the order is carried out all the same.
      await this.#attempt()
      return ok(this.#seen.ring)
    })
  }

  /** When the timer should call `tick` again: ahead of the requests, so that they find nothing to do. */
  nextTick(): Instant {
    const { due, seenAt } = this.#seen
    return this.#inStep ? earliest([due, after(seenAt, this.#pollEvery)]) : this.#retryAt
  }

  /** The ring as it was last seen, however long ago: to tell of it, not to serve it. */
  lastSeen(): Snapshot {
    return this.#seen.snapshot
  }

  /** How the keyring stands with its store. */
  health(): Health {
    return { ready: this.#isFresh(), inStep: this.#inStep, viewAge: between(this.#seen.seenAt, this.#deps.now()) }
  }

  /** Makes the keys that are missing ahead of their need, and resolves when none is left to make; never rejects. */
  refill(): Promise<void> {
    return this.#pool.refill(() => this.tick())
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
      void this.refill()
    } catch (error) {
      const isExpected = error instanceof KeyringFault || error instanceof StoreUnavailable
      if (!isExpected) this.#deps.emit(faultEvent(error))
      const { code, message: detail } = isExpected ? error : { code: 'unexpected', message: '' }
      if (this.#inStep) this.#deps.emit({ name: 'store.failed', code, detail })
      this.#inStep = false
      this.#retryAt = after(this.#deps.now(), this.#pollEvery)
    }
  }

  /** One task after the other, so that no older view replaces a newer one. */
  #alone<Value>(task: () => Promise<Value>): Promise<Value> {
    const run = this.#turn.then(task)
    this.#turn = run.catch(() => {})
    return run
  }

  /** Commits until nothing is left to do. */
  async #cycle(): Promise<void> {
    await this.#until('settled', (ring, now, fresh) => ok(advance(ring, this.policy, now, fresh)))
  }

  async #until(wanted: 'settled' | 'committed', decide: Decide): Promise<Result<Ring, OrderFault>> {
    for (let round = 0; round < ROUNDS; round += 1) {
      const done = await this.#round(decide)
      if (done.outcome === 'refused') return fail(done.fault)
      if (done.outcome === wanted) return ok(done.held.ring)
    }
    throw new StoreUnavailable(`Cannot settle the ring in ${ROUNDS} rounds`)
  }

  /** Plays a round, and serves what came of it. */
  async #round(decide: Decide): Promise<Round> {
    const { now, keks, emit, store } = this.#deps
    const onSeen = async (held: Committed): Promise<void> => void (this.#view = await takeView(held, this.#view, this.policy, keks))
    const round = await playRound({ ledger: this.#ledger, pool: this.#pool, now, onSeen }, decide)
    if (!('held' in round)) return round
    await onSeen(round.held)
    for (const { kid, alg, to } of round.changes) emit({ name: `key.${to}`, kid, alg })
    if (round.outcome === 'committed' && round.held.ring.generation === 1 && store.durable) emit({ name: 'store.created' })
    return round
  }
}
