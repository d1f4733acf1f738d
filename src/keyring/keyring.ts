/**
 * This room holds the signing keys and rotates them. Read ring.ts first (the states of a key), then policy.ts (the
 * numbers) and advance.ts (the rules). This file runs the rules against a store.
 */
import { type Emit, faultEvent } from '../core/event.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { after, between, earliest, type Instant, type Seconds, seconds } from '../core/time.ts'
import { advance, ringDueAt } from './advance.ts'
import { KeyringFault } from './fault.ts'
import type { Decision } from './moves.ts'
import { type HighWaterMarks, longestView, NO_MARKS, type Policy } from './policy.ts'
import { proof, unsafeText } from './proof.ts'
import { keyPool, type Pool } from './pool.ts'
import { type Committed, MAX_ATTEMPTS, newReplica, type Replica, type ReplicaDeps } from './replica.ts'
import { EMPTY_RING, type Ring } from './ring.ts'
import { type Current, openSigners, type Signers, type Snapshot, takeSnapshot } from './snapshot.ts'
import { StoreUnavailable } from './store.ts'

/** What a keyring needs of the world. */
export interface KeyringDeps extends ReplicaDeps {
  /** The policy in force over a store whose earlier policies left these marks. */
  readonly policy: (marks: HighWaterMarks) => Policy
  readonly emit: Emit
}

/** What came of one compare-and-swap; another process was faster when it was lost. */
type Outcome = 'committed' | 'unchanged' | 'lost'

/** The ring of one store: kept up to date, changed for operators, and served as snapshots. */
export class Keyring {
  readonly policy: Policy
  readonly #deps: KeyringDeps
  readonly #replica: Replica
  readonly #pool: Pool
  #snapshot!: Snapshot
  #seenAt!: Instant
  #due!: Instant
  #signers: Signers = new Map()
  #inStep = true
  #failedAt!: Instant
  #ticking: Promise<void> | undefined
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(deps: KeyringDeps, replica: Replica, policy: Policy) {
    this.policy = policy
    this.#deps = deps
    this.#replica = replica
    this.#pool = keyPool(policy, deps)
  }

  /**
   * Loads the ring, or makes the first one in an empty store. Returns the fault for content that cannot be used or a
   * policy that breaks the promise; rejects with `StoreUnavailable`.
   */
  static async open(deps: KeyringDeps): Promise<Result<Keyring, KeyringFault>> {
    try {
      const replica = newReplica(deps)
      const held = await replica.read()
      const marks = held?.ring.marks ?? NO_MARKS
      const keyring = new Keyring(deps, replica, deps.policy(marks))
      const broken = proof(keyring.policy.timing, marks).find(({ holds }) => !holds)
      if (broken !== undefined) return fail(new KeyringFault('promise_broken', unsafeText(broken)))
      if (held === undefined) await keyring.#pool.fill()
      await keyring.#settle()
      return ok(keyring)
    } catch (error) {
      if (error instanceof KeyringFault) return fail(error)
      throw error
    }
  }

  /**
   * The present snapshot, without waiting unless something is due. Undefined when the store has been out of reach for
   * so long that signing or publishing would break the promise.
   */
  readonly current: Current = () => {
    const now = this.#deps.now()
    return now < this.#due && now >= this.#seenAt ? this.#snapshot : this.#catchUp()
  }

  /** Reads the store and commits what is due; never rejects, and callers at the same time share one run. */
  tick(): Promise<void> {
    this.#ticking ??= this.#inTurn(() => this.#attempt()).finally(() => {
      this.#ticking = undefined
    })
    return this.#ticking
  }

  /** Commits a decision about the present ring. A rejection (see `open`) leaves unknown whether it was committed. */
  async perform<Fault>(decide: Decision<Fault>): Promise<Result<Ring, Fault>> {
    // The next standby belongs into the same commit.
    await this.refill()
    return await this.#inTurn(async () => {
      await this.#settle()
      const done = await this.#commit(decide, 'committed')
      // Stamps what was committed. If the store fails now, the decision is committed all the same.
      if (done.ok) await this.#attempt()
      return done.ok ? ok(this.#snapshot.ring) : done
    })
  }

  /** When the timer should call `tick` again: ahead of the requests, so that they find nothing to do. */
  nextTick(): Instant {
    const poll = after(this.#inStep ? this.#seenAt : this.#failedAt, seconds(this.policy.timing.propagation / 2))
    return this.#inStep ? earliest([this.#due, poll]) : poll
  }

  /** The last snapshot, however old: for reports and metrics, never to serve it. */
  lastSeen(): Snapshot {
    return this.#snapshot
  }

  /** Whether it may sign and publish, whether the store answered last, and seconds since the store was read. */
  health(): { readonly ready: boolean; readonly inStep: boolean; readonly viewAge: Seconds } {
    return { ready: this.#isFresh(), inStep: this.#inStep, viewAge: between(this.#seenAt, this.#deps.now()) }
  }

  /** Makes the missing keys ahead of their need, and resolves when all are made; never rejects. */
  refill(): Promise<void> {
    return this.#pool.refill(() => this.tick())
  }

  async #catchUp(): Promise<Snapshot | undefined> {
    // During an outage requests do not wait for the store: the timer goes on trying.
    if (this.#inStep) await this.tick()
    // A tick that was already running may have read the store before the machine was suspended.
    if (this.#inStep && !this.#isFresh()) await this.tick()
    return this.#isFresh() ? this.#snapshot : undefined
  }

  #isFresh(): boolean {
    // A clock that stepped back does not make the snapshot younger.
    const age = Math.abs(between(this.#seenAt, this.#deps.now()))
    return age <= longestView(this.policy.timing, this.#snapshot.ring.marks)
  }

  /** Runs tasks one after the other, so that no older snapshot replaces a newer one. */
  #inTurn<Value>(task: () => Promise<Value>): Promise<Value> {
    const run = this.#turn.then(task)
    this.#turn = run.catch(() => {})
    return run
  }

  async #attempt(): Promise<void> {
    try {
      await this.#settle()
      if (!this.#inStep) this.#deps.emit({ name: 'store.recovered' })
      this.#inStep = true
      void this.refill()
    } catch (error) {
      const isExpected = error instanceof KeyringFault || error instanceof StoreUnavailable
      if (!isExpected) this.#deps.emit(faultEvent(error))
      const { code, message: detail } = isExpected ? error : { code: 'unexpected', message: '' }
      if (this.#inStep) this.#deps.emit({ name: 'store.failed', code, detail })
      this.#inStep = false
      this.#failedAt = this.#deps.now()
    }
  }

  /** Commits what is due, until nothing is. */
  async #settle(): Promise<void> {
    await this.#commit((ring, input) => ok(advance(ring, input)), 'unchanged')
  }

  /** Repeats the compare-and-swap until it commits, or until there is nothing to commit. */
  async #commit<Fault>(decide: Decision<Fault>, until: Outcome): Promise<Result<Outcome, Fault>> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const outcome = await this.#swap(decide)
      if (!outcome.ok || outcome.value === until) return outcome
    }
    throw new StoreUnavailable(`Cannot commit the ring in ${MAX_ATTEMPTS} attempts`)
  }

  /** Reads the ring, decides, and commits what was decided. What was read is served even if the commit fails. */
  async #swap<Fault>(decide: Decision<Fault>): Promise<Result<Outcome, Fault>> {
    const { now, emit, store } = this.#deps
    const held = await this.#replica.read()
    if (held !== undefined) await this.#serve(held)
    const ring = held?.ring ?? EMPTY_RING
    const step = decide(ring, { policy: this.policy, now: now(), fresh: this.#pool.keys() })
    if (!step.ok) return step
    const { ring: next, changes } = step.value
    if (next === ring) return ok(held === undefined ? 'lost' : 'unchanged')
    const committed = await this.#pool.spend(next, () => this.#replica.commit(next, held))
    if (committed === undefined) return ok('lost')
    await this.#serve(committed)
    for (const { kid, alg, to } of changes) emit({ name: `key.${to}`, kid, alg })
    if (committed.ring.generation === 1 && store.durable) emit({ name: 'store.created' })
    return ok('committed')
  }

  async #serve({ ring, seenAt }: Committed): Promise<void> {
    if (ring !== this.#snapshot?.ring) {
      this.#signers = await openSigners(ring, this.#signers, this.#deps.keks)
      this.#snapshot = takeSnapshot(ring, this.policy, this.#signers)
    }
    this.#seenAt = seenAt
    this.#due = earliest([ringDueAt(ring, this.policy), after(seenAt, this.policy.timing.propagation)])
  }
}
