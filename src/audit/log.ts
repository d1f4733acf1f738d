/**
 * This room writes a log whose records are linked to each other and signed now and then. Read log.ts first; chain.ts
 * links a record, checkpoint.ts signs the log so far, and verify.ts finds what was changed.
 */

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
  /** The last whole line when the file was opened. */
  readonly last: string | undefined
  /** The part of a line that a crash has left behind it; the first append cuts it off. */
  readonly torn: string
  /** Writes a line and its line break, or throws and leaves nothing of it. */
  readonly append: (line: string) => void
  /** Makes everything that was appended outlive a power cut. */
  readonly sync: () => void
  readonly close: () => Promise<void>
}

/** What an audit log needs. */
export interface AuditDeps {
  readonly file: LineFile
  readonly now: Clock
  /** The key that signs now, if any does. */
  readonly signer: () => Signer | undefined
  /** Receives the log's own events: a head that is also recorded elsewhere cannot be cut off unnoticed. */
  readonly emit: Emit
}

/** The log is signed after this many records, or after this time. */
const MAX_UNSIGNED_RECORDS = 1000
const CHECKPOINT_SECONDS = 600
/** Attempts to sign a final checkpoint on close: new records may arrive while it is being signed. */
const FINAL_ATTEMPTS = 4

/** How every log begins. */
const FIRST = '{"seq":1,'

/** Every event in the order in which it happened, each record linked to the one before. */
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
    const { seq, hash } = this.#head = headOf(deps.file)
    this.#signed = seq
    this.#signedAt = deps.now()
    // A later reader must know that nobody signed the records before this one.
    if (seq > 0 && !isClosed(deps.file)) this.#emitAndRecord({ name: 'audit.unclosed', last: seq, hash })
    const bytes = Buffer.byteLength(deps.file.torn, 'latin1')
    if (bytes > 0) this.#emitAndRecord({ name: 'audit.torn', bytes })
  }

  /** Records an event; events that cannot be written are counted, and the count is recorded once that is possible. */
  record({ name, ...fields }: Event): void {
    const { emit } = this.#deps
    const lost = this.#lost
    try {
      if (lost > 0) this.#append('audit.recovered', { lost })
      if (lost > 0) emit({ name: 'audit.recovered', lost })
      this.#lost = 0
      this.#append(name, fields as JsonObject)
      if (this.#unsigned() >= MAX_UNSIGNED_RECORDS) void this.tick()
    } catch (error) {
      if (this.#lost === 0) emit(failureOf(error))
      this.#lost += 1
    }
  }

  /** Whether the last event was written. */
  isWritten(): boolean {
    return this.#lost === 0
  }

  /** Signs the log so far, unless it is signed already; rejects with the error of the key or the file. */
  checkpoint(): Promise<void> {
    this.#signing ??= this.#sign().finally(() => {
      this.#signing = undefined
    })
    return this.#signing
  }

  /** Signs the log when that is due; call it now and then. Never rejects. */
  async tick(): Promise<void> {
    const { now, emit } = this.#deps
    const isOld = Math.abs(between(this.#signedAt, now())) >= CHECKPOINT_SECONDS
    const isDue = isOld || this.#unsigned() >= MAX_UNSIGNED_RECORDS
    if (isDue) await this.checkpoint().catch((error: unknown) => emit(failureOf(error)))
  }

  /** Signs a final checkpoint and closes the file; rejects like `checkpoint`. */
  async close(): Promise<void> {
    // A checkpoint under way may not cover the newest records.
    await this.#signing?.catch(() => {})
    try {
      for (let attempt = 0; attempt < FINAL_ATTEMPTS && this.#unsigned() > 0; attempt += 1) await this.checkpoint()
    } finally {
      await this.#deps.file.close()
    }
  }

  #unsigned(): number {
    return this.#head.seq - this.#signed
  }

  #emitAndRecord(event: Event): void {
    this.#deps.emit(event)
    this.record(event)
  }

  async #sign(): Promise<void> {
    const { signer, now, file, emit } = this.#deps
    const by = signer()
    if (by === undefined || this.#unsigned() === 0) return
    const time = timestamp(now())
    const covered = this.#head
    this.#append(CHECKPOINT, await signHead(by, covered, time), time)
    file.sync()
    // Records appended while signing stay unsigned; the checkpoint itself needs no signature.
    this.#signed = this.#head.seq === covered.seq + 1 ? this.#head.seq : covered.seq
    this.#signedAt = now()
    emit({ name: CHECKPOINT, seq: this.#head.seq, head: this.#head.hash, kid: by.kid })
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

/** Whether the last record is a checkpoint over the one before; only `verifyLog` checks its signature. */
function isClosed({ last }: LineFile): boolean {
  const parsed = parseJson(last ?? '')
  if (!parsed.ok || !isObject(parsed.value)) return false
  const { event, covers, seq } = parsed.value
  return event === CHECKPOINT && covers === Number(seq) - 1
}

/** The last record of a file; throws for a file that is no log, which is neither extended nor cut. */
function headOf({ last, torn }: LineFile): Head {
  const isStart = FIRST.startsWith(torn.slice(0, FIRST.length))
  if (last === undefined && isStart) return NO_RECORD
  const parsed = parseJson(last ?? '')
  const seq = parsed.ok && isObject(parsed.value) ? parsed.value['seq'] : undefined
  if (typeof seq !== 'number') throw new TypeError('it is not an audit log')
  return { seq, hash: sha256(last ?? '') }
}
