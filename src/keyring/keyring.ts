/**
 * This room holds the signing keys and rotates them. Read ring.ts first (the states of a key), then policy.ts (the
 * numbers) and advance.ts (the rules). This file runs the rules against a store.
 */
import { faultEvent } from '../core/event.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { after, earliest, type Instant, seconds } from '../core/time.ts'
import { advance, ringDueAt } from './advance.ts'
import type { KeyringDeps } from './deps.ts'
import { asFault, type KeyringFault, storeFailure } from './fault.ts'
import type { Decision } from './moves.ts'
import { longestView, NO_MARKS, type Policy } from './policy.ts'
import { proof } from './proof.ts'
import { keyPool, type Pool } from './pool.ts'
import { ageOf, type Committed, MAX_ATTEMPTS, newReplica, type Replica } from './replica.ts'
import { EMPTY_RING, FEW_KEYS, type Ring } from './ring.ts'
import { type Current, type Health, openSigners, type Signers, type Snapshot, takeSnapshot } from './snapshot.ts'
import { StoreUnavailable } from './store.ts'
import { oneAtATime } from './turns.ts'
import { aheadIn, stampWatch, type Watch } from './watch.ts'

/** What came of one compare-and-swap; another process was faster when it was lost. */
type Outcome = 'committed' | 'unchanged' | 'lost'

/** The ring of one store: kept up to date, changed for operators, and served as snapshots. */
export class Keyring {
  readonly policy: Policy
  /** What this process knows about stamps. */
  readonly watch: Watch
  readonly #see: (ring: Ring) => void
  readonly #deps: KeyringDeps
  readonly #replica: Replica
  readonly #pool: Pool
  #snapshot!: Snapshot
  #view!: Committed
  #due!: Instant
  #signers: Signers = new Map()
  #inStep = true
  #waits = false
  #failedAt!: Instant
  #ticking: Promise<void> | undefined
  readonly #inTurn = oneAtATime()

  private constructor(deps: KeyringDeps, replica: Replica, policy: Policy) {
    this.policy = policy
    ;({ watch: this.watch, see: this.#see } = stampWatch(deps, policy.timing))
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
      const judged = await deps.anchor?.judge(held)
      if (judged?.ok === false) return judged
      const marks = held?.ring.marks ?? NO_MARKS
      const keyring = new Keyring(deps, replica, deps.policy(marks))
      const broken = proof(keyring.policy.timing, marks).find(({ holds }) => !holds)
      if (broken !== undefined) return fail((await import('./unusable.ts')).unsafe(broken))
      if (held === undefined) await keyring.#pool.fill()
      if (judged?.value !== undefined) await keyring.#commit(judged.value, 'committed')
      await keyring.#settle()
      return ok(keyring)
    } catch (error) {
      return fail(asFault(error))
    }
  }

  /** The present snapshot; undefined when the store was read so long ago that to sign would break the promise. */
  readonly current: Current = () => {
    const [now, { seenAt, seenElapsed }] = [this.#deps.now(), this.#view]
    const isRead = now >= seenAt && this.#deps.elapsed() - seenElapsed < this.policy.timing.propagation
    return isRead && now < this.#due ? this.#snapshot : this.#catchUp()
  }

  /** Reads the store and commits what is due; never rejects, and callers at the same time share one run. */
  tick(): Promise<void> {
    const isOver = (): void => void (this.#ticking = undefined)
    return this.#ticking ??= this.#inTurn(() => this.#attempt()).finally(isOver)
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
    const poll = after(this.#inStep ? this.#view.seenAt : this.#failedAt, seconds(this.policy.timing.propagation / 2))
    return this.#inStep ? earliest([this.#due, poll]) : poll
  }

  /** The last snapshot, however old: for reports and metrics, never to serve it. */
  readonly lastSeen = (): Snapshot => this.#snapshot

  /** Whether this replica may be sent requests, and why not. */
  health(): Health {
    const ahead = aheadIn(this.#snapshot.ring, this.watch)
    const ready = this.#isFresh() && (ahead === 0 || this.#deps.store.isShared !== true)
    return { ready, inStep: this.#inStep, viewAge: ageOf(this.#view, this.#deps), ahead }
  }

  /** Makes the missing keys ahead of their need, and resolves when all are made; never rejects. */
  readonly refill = (): Promise<void> => this.#pool.refill(() => this.tick())

  async #catchUp(): Promise<Snapshot | undefined> {
    // During an outage requests do not wait for the store: the timer goes on trying.
    if (this.#inStep) await this.tick()
    // A tick that was already running may have read the store before the machine was suspended.
    if (this.#inStep && !this.#isFresh()) await this.tick()
    return this.#isFresh() ? this.#snapshot : undefined
  }

  #isFresh(): boolean {
    return ageOf(this.#view, this.#deps) <= longestView(this.policy.timing, this.#snapshot.ring.marks)
  }

  async #attempt(): Promise<void> {
    try {
      await this.#settle()
      const { history } = this.#snapshot.ring
      const commit = (decide: Decision<never>): Promise<unknown> => this.#commit(decide, 'unchanged')
      if (history.length > FEW_KEYS) await (await import('./history.ts')).archiveOld(history, this.#deps.store, commit)
      if (!this.#inStep) this.#deps.emit({ name: 'store.recovered' })
      this.#inStep = true
      void this.refill()
    } catch (error) {
      const failure = storeFailure(error)
      if (failure.code === 'unexpected') this.#deps.emit(faultEvent(error))
      if (this.#inStep) this.#deps.emit(failure)
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
    const { now, emit, store, anchor } = this.#deps
    const held = await this.#replica.read()
    if (held !== undefined) await this.#serve(held)
    const ring = held?.ring ?? EMPTY_RING
    const step = decide(ring, { policy: this.policy, now: now(), watch: this.watch, fresh: this.#pool.keys() })
    if (!step.ok) return step
    const { ring: made } = step.value
    const next = anchor?.anchored(made, { before: ring, now: now(), policy: this.policy }) ?? made
    if (next === ring) return ok(held === undefined ? 'lost' : 'unchanged')
    const committed = await this.#pool.spend(next, () => this.#replica.commit(next, held))
    if (committed === undefined) return ok('lost')
    await this.#serve(committed)
    for (const { kid, alg, to } of step.value.changes) emit({ name: `key.${to}`, kid, alg })
    if (committed.ring.generation === 1 && store.durable) emit({ name: 'store.created' })
    return ok('committed')
  }

  async #serve(view: Committed): Promise<void> {
    const { ring, version, seenAt } = view
    const { keks, store, now, anchor } = this.#deps
    const { signsAt = seenAt } = ring.restored ?? {}
    const waits = now() < signsAt
    if (ring !== this.#snapshot?.ring) {
      this.#signers = await openSigners(ring, this.#signers, keks)
      this.#snapshot = takeSnapshot(ring, this.policy, waits ? new Map() : this.#signers)
      if (store.durable) anchor?.served(ring, version)
    } else if (this.#waits && !waits) this.#snapshot = takeSnapshot(ring, this.policy, this.#signers)
    this.#waits = waits
    this.#view = view
    this.#see(ring)
    const due = [ringDueAt(ring, this), after(seenAt, this.policy.timing.propagation)]
    this.#due = earliest(waits ? [...due, signsAt] : due)
  }
}
