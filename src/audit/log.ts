import { errnoOf } from '../core/errno.ts'
import type { Emit, Event } from '../core/event.ts'
import { isObject, type JsonObject, parseJson } from '../core/json.ts'
import { between, type Clock, type Instant, timestamp } from '../core/time.ts'
import { sha256 } from '../jose/digest.ts'
import type { Signer } from '../jose/signer.ts'
import { type Head, link, NO_RECORD } from './chain.ts'
import { CHECKPOINT, signHead } from './checkpoint.ts'

/** A file that only grows, by whole lines. */
export interface LineFile {
  /** The last whole line that was there at the start. */
  readonly last: string | undefined
  /** What a crash has left of a line behind it; the first append cuts it off. */
  readonly torn: string
  /** Writes a line and its line break, or throws and leaves nothing of it. */
  readonly append: (line: string) => void
  /** Makes everything that was appended outlive a power cut. */
  readonly sync: () => void
  readonly close: () => Promise<void>
}

/** What an audit log needs of the world. */
export interface AuditDeps {
  readonly file: LineFile
  readonly now: Clock
  /** The key that signs now, if any does. */
  readonly signer: () => Signer | undefined
  /** Where the log tells of itself: a head that also stands elsewhere cannot be cut off unnoticed. */
  readonly tell: Emit
}

/** Records and seconds after which the head is signed. */
const MOST_RECORDS = 1000
const LONGEST_WAIT = 600
/** Checkpoints that a log makes at most to end with one that covers everything. */
const LAST_ROUNDS = 4

/** How every log begins. */
const FIRST = '{"seq":1,'

/** Every event in the order in which it happened, each record bound to the one before. */
export class AuditLog {
  readonly #deps: AuditDeps
  #head: Head
  #signed: number
  #signedAt: Instant
  #lost = 0
  #signing: Promise<void> | undefined

  /** Continues the log in a file. Throws a `TypeError` when the file is no log. */
  constructor(deps: AuditDeps) {
    this.#deps = deps
    this.#head = headOf(deps.file)
    this.#signed = this.#head.seq
    this.#signedAt = deps.now()
    const bytes = Buffer.byteLength(deps.file.torn, 'latin1')
    // Whoever reads it later must know that nobody vouches for what stands before: it was there, and was not signed.
    if (this.#head.seq > 0 && !isClosed(deps.file)) this.#both({ name: 'audit.unclosed', last: this.#head.seq, hash: this.#head.hash })
    if (bytes > 0) this.#both({ name: 'audit.torn', bytes })
  }

  /** Writes an event down; one that cannot be written is counted, and the count is written as soon as that can be. */
  record({ name, ...fields }: Event): void {
    const { tell } = this.#deps
    try {
      if (this.#lost > 0) this.#append('audit.recovered', { lost: this.#lost })
      if (this.#lost > 0) tell({ name: 'audit.recovered', lost: this.#lost })
      this.#lost = 0
      this.#append(name, fields as JsonObject)
      if (this.#head.seq - this.#signed >= MOST_RECORDS) void this.tick()
    } catch (error) {
      if (this.#lost === 0) tell(failureOf(error))
      this.#lost += 1
    }
  }

  #both(event: Event): void {
    this.#deps.tell(event)
    this.record(event)
  }

  /** Whether the last event could be written. */
  isWritten(): boolean {
    return this.#lost === 0
  }

  /** Signs the head of the log, if it has moved since it was last signed; rejects with what the key or the file says. */
  checkpoint(): Promise<void> {
    this.#signing ??= this.#sign().finally(() => {
      this.#signing = undefined
    })
    return this.#signing
  }

  /** Signs when it is time to: to be called now and then, never rejects. */
  async tick(): Promise<void> {
    const { now, tell } = this.#deps
    const isDue = this.#head.seq - this.#signed >= MOST_RECORDS || Math.abs(between(this.#signedAt, now())) >= LONGEST_WAIT
    if (isDue) await this.checkpoint().catch((error: unknown) => tell(failureOf(error)))
  }

  /** Closes the log with a last checkpoint, and lets go of the file; rejects like `checkpoint`. */
  async close(): Promise<void> {
    // One that is under way may cover less than there is by now.
    await this.#signing?.catch(() => {})
    try {
      // A key that is being made tells of itself while the checkpoint is being signed, which then does not cover that.
      for (let round = 0; round < LAST_ROUNDS && this.#head.seq !== this.#signed; round += 1) await this.checkpoint()
    } finally {
      await this.#deps.file.close()
    }
  }

  async #sign(): Promise<void> {
    const { signer, now, file, tell } = this.#deps
    const by = signer()
    if (by === undefined || this.#head.seq === this.#signed) return
    const time = timestamp(now())
    const covered = this.#head
    this.#append(CHECKPOINT, await signHead(by, covered, time), time)
    file.sync()
    // What came in between is not signed, and the checkpoint needs no other to sign it.
    this.#signed = this.#head.seq === covered.seq + 1 ? this.#head.seq : covered.seq
    this.#signedAt = now()
    tell({ name: CHECKPOINT, seq: this.#head.seq, head: this.#head.hash, kid: by.kid })
  }

  #append(event: string, fields: JsonObject, time: string = timestamp(this.#deps.now())): void {
    const next = link(this.#head, time, event, fields)
    this.#deps.file.append(next.line)
    this.#head = next.head
  }
}

function failureOf(error: unknown): Event {
  return { name: 'audit.failed', code: errnoOf(error).code ?? 'unexpected' }
}

/** Whether the last record is a checkpoint over the one before; whether that is right is for `verifyLog` to say. */
function isClosed({ last }: LineFile): boolean {
  const parsed = parseJson(last ?? '')
  if (!parsed.ok || !isObject(parsed.value)) return false
  const { event, covers, seq } = parsed.value
  return event === CHECKPOINT && covers === Number(seq) - 1
}

/** Nothing is appended to a file, nor cut off it, that is no log of ours. */
function headOf({ last, torn }: LineFile): Head {
  const isStart = FIRST.startsWith(torn.slice(0, FIRST.length))
  if (last === undefined && isStart) return NO_RECORD
  const parsed = parseJson(last ?? '')
  const seq = parsed.ok && isObject(parsed.value) ? parsed.value['seq'] : undefined
  if (typeof seq !== 'number') throw new TypeError('it holds something else than an audit log')
  return { seq, hash: sha256(last ?? '') }
}
