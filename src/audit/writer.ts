import { errnoOf } from '../core/errno.ts'
import type { Emit, Event } from '../core/event.ts'
import type { JsonObject } from '../core/json.ts'
import { between, type Clock, type Instant, timestamp } from '../core/time.ts'
import { type Entry, type Head, link } from './chain.ts'
import type { LineFile } from './file.ts'

/** What a writer needs. */
export interface WriterDeps {
  readonly file: LineFile
  readonly now: Clock
  /** Receives the failures of the log. */
  readonly emit: Emit
}

/** Ends the present file, with records of its own if it appends any; answers the first record of the new one. */
export type Renewal = (append: (entries: readonly Entry[]) => Promise<void>) => Promise<Event>

/** Records that are written together. */
interface Batch {
  readonly entries: Entry[]
  /** Whether they were written; a batch that takes too long counts as not written. */
  readonly done: Promise<boolean>
  readonly settle: (isWritten: boolean) => void
}

/** Records that wait for a slow disk or reader; more are counted as lost. */
const MAX_WAITING_RECORDS = 10_000
/** A write that takes longer is a failure until it ends. */
const STALLED_SECONDS = 2

/** Records of what was done all the same: they are tried again until they are written. */
const KEPT: ReadonlySet<string> = new Set(['operator.ordered', 'key.revoked'])

/** Links records and writes them, one write for all that gather while the last write is under way. */
export class Writer {
  readonly #deps: WriterDeps
  #head: Head
  #waiting = newBatch()
  #last: Batch | undefined
  #writing: Batch | undefined
  #isRunning = false
  #since: Instant
  #lost = 0
  #error: unknown
  #writeFailure: string | undefined
  #fileFailure: string | undefined
  #reported: string | undefined
  #renewal: Renewal | undefined

  constructor(head: Head, deps: WriterDeps) {
    this.#deps = deps
    this.#head = head
    this.#since = deps.now()
  }

  /** The last record on the disk. */
  readonly head = (): Head => this.#head

  /** The error of the last write that failed. */
  readonly error = (): unknown => this.#error

  /** Adds a record; answers whether it was written. */
  add(event: Event): Promise<boolean> {
    return this.addEntry(entryOf(event, timestamp(this.#deps.now())))
  }

  /** Adds a record that has its time already. */
  addEntry(entry: Entry): Promise<boolean> {
    const batch = this.#last = this.#waiting
    if (batch.entries.length < MAX_WAITING_RECORDS) batch.entries.push(entry)
    else this.#lost += 1
    if (!this.#isRunning) void this.#run()
    return batch.done
  }

  /** Before the next record, ends the present file and continues in a new one. */
  async renew(renewal: Renewal): Promise<void> {
    this.#renewal = renewal
    this.#last = this.#waiting
    if (!this.#isRunning) void this.#run()
    await this.#last.done
  }

  /** Whether the log is written, as far as is known. */
  readonly isWritten = (): boolean => (this.#fileFailure ?? this.#writeFailure) === undefined

  /** Resolves once every record so far is on the disk, or to false when that is not possible now. */
  async written(): Promise<boolean> {
    return (this.#last === undefined || await this.#last.done) && this.isWritten()
  }

  /** Notices a write that stalls, and a file that was moved or cut; call it now and then. */
  check(): void {
    const { now, file } = this.#deps
    this.#fileFailure = file.fault()
    if (this.#isRunning && Math.abs(between(this.#since, now())) >= STALLED_SECONDS) {
      this.#writeFailure ??= 'stalled'
      for (const batch of [this.#writing, this.#waiting]) batch?.settle(false)
    }
    this.#report(0)
    if (this.#isRunning || this.#waiting.entries.length === 0) return
    this.#last = this.#waiting
    void this.#run()
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    // Records of the same moment share a batch.
    await undefined
    while (this.#waiting.entries.length > 0 || this.#renewal !== undefined) {
      const batch = this.#writing = this.#waiting
      this.#waiting = newBatch()
      this.#since = this.#deps.now()
      const isWritten = await this.#write(batch.entries)
      batch.settle(isWritten)
      // Nothing new to write: the next record or check tries again.
      if (!isWritten && this.#waiting.entries.every(isKept)) break
    }
    this.#isRunning = false
  }

  async #write(entries: readonly Entry[]): Promise<boolean> {
    const lost = this.#lost
    const time = timestamp(this.#deps.now())
    try {
      const first = await this.#renewed()
      const regained: Event[] = lost > 0 ? [{ name: 'audit.recovered', lost }] : []
      await this.#append([...[...first, ...regained].map((event) => entryOf(event, time)), ...entries])
      this.#lost -= lost
      this.#writeFailure = undefined
    } catch (error) {
      this.#error = error
      const kept = entries.filter(isKept)
      this.#waiting.entries.unshift(...kept)
      this.#lost += entries.length - kept.length
      this.#writeFailure = errnoOf(error).code ?? 'unexpected'
    }
    this.#report(lost)
    return this.#writeFailure === undefined
  }

  async #append(entries: readonly Entry[]): Promise<void> {
    let head = this.#head
    const lines = entries.map((entry) => {
      const next = link(head, entry)
      head = next.head
      return `${next.line}\n`
    })
    if (lines.length > 0) await this.#deps.file.append(lines.join(''))
    this.#head = head
  }

  async #renewed(): Promise<readonly Event[]> {
    const renewal = this.#renewal
    this.#renewal = undefined
    if (renewal === undefined) return []
    try {
      const first = await renewal((entries) => this.#append(entries))
      this.#fileFailure = undefined
      return [first]
    } catch (error) {
      // The old file goes on.
      this.#deps.emit({ name: 'audit.failed', code: errnoOf(error).code ?? 'unexpected' })
      return []
    }
  }

  /** Emits a failure once, and its end. */
  #report(lost: number): void {
    const { emit } = this.#deps
    const failure = this.#fileFailure ?? this.#writeFailure
    if (failure !== undefined && failure !== this.#reported) emit({ name: 'audit.failed', code: failure })
    if (failure === undefined && this.#reported !== undefined) emit({ name: 'audit.recovered', lost })
    this.#reported = failure
  }
}

function newBatch(): Batch {
  let settle: Batch['settle'] = () => {}
  const done = new Promise<boolean>((resolve) => settle = resolve)
  return { entries: [], done, settle }
}

function isKept({ event }: Entry): boolean {
  return KEPT.has(event)
}

function entryOf({ name, ...fields }: Event, time: string): Entry {
  return { event: name, time, fields: fields as JsonObject }
}
