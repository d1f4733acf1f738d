/**
 * This room writes a log whose records are linked to each other and signed now and then. Read log.ts first; writer.ts
 * writes in batches, chain.ts links, checkpoint.ts signs, fold.ts counts what strangers repeat, opened.ts reads where a
 * log stands, signed.ts checks signatures, and verify.ts finds what was changed.
 */

import type { Event } from '../core/event.ts'
import { between, type Instant, type Seconds, timestamp } from '../core/time.ts'
import type { PublicJwk } from '../jose/jwk.ts'
import type { Signer } from '../jose/signer.ts'
import type { Entry, Head } from './chain.ts'
import { CHECKPOINT, type InForce, signHead } from './checkpoint.ts'
import { fold } from './fold.ts'
import { type Found, foundIn, type KnownRing } from './opened.ts'
import { Writer, type WriterDeps } from './writer.ts'

/** What an audit log needs. */
export interface AuditDeps extends WriterDeps {
  /** The key that signs now, if any does. */
  readonly signer: () => Signer | undefined
  /** A random id for a new chain. */
  readonly newChain: () => string
  /** A larger or older file is put aside; undefined where nothing can be. */
  readonly maxBytes: number | undefined
  readonly maxAge: Seconds
}

/** The log is signed after this many records, or after this time. */
const MAX_UNSIGNED_RECORDS = 1000
const CHECKPOINT_SECONDS = 600
/** Attempts to sign a final checkpoint on close: new records may arrive while it is being signed. */
const FINAL_ATTEMPTS = 4

/** Every event in the order in which it happened, each record linked to the one before. */
export class AuditLog {
  readonly #deps: AuditDeps
  readonly #writer: Writer
  readonly #fold
  /** How the log was found. */
  readonly found: Found
  readonly #chain: string
  /** The first record of the present file, and its time. */
  #file: Pick<Found, 'firstSeq' | 'begunAt'>
  #ring: KnownRing | undefined
  #signed: number
  /** Records since the last checkpoint began. */
  #recent = 0
  #signedAt: Instant
  #signing: Promise<void> | undefined

  /** Continues the log in a file. Throws a `TypeError` when the file is no log. */
  constructor(deps: AuditDeps) {
    this.#deps = deps
    this.#fold = fold(deps.now)
    this.found = foundIn(deps.file, deps.now())
    const { head, chain, ring } = this.#file = this.found
    this.#writer = new Writer(head, deps)
    this.#chain = chain ?? deps.newChain()
    this.#ring = ring
    this.#signed = head.seq
    this.#signedAt = deps.now()
  }

  /** Records how the log was found, and whether it was signed by a key that was in force; undefined: by any key. */
  async start(keys: InForce | undefined): Promise<void> {
    const { file } = this.#deps
    const { head: { seq, hash }, chain } = this.found
    const announce = (event: Event): void => {
      this.#deps.emit(event)
      this.record(event)
    }
    if (chain === undefined) announce({ name: 'audit.begun', chain: this.#chain })
    // The file before was put aside by a process that ended then.
    else if (file.size() === 0) this.record(this.#nextSegment())
    const isClosed = seq === 0 || await (await import('./signed.ts')).isClosed(file, keys)
    if (!isClosed) announce({ name: 'audit.unclosed', last: seq, hash })
    const bytes = Buffer.byteLength(file.torn, 'latin1')
    if (bytes > 0) announce({ name: 'audit.torn', bytes })
  }

  /** Records an event; events that cannot be written are counted, and the count is recorded once that is possible. */
  record(event: Event): void {
    if (event.name === 'ring.served') this.#ring = { generation: event.generation, ring: event.ring }
    for (const count of this.#fold.counts()) void this.#writer.add(count)
    if (!this.#fold.admits(event)) return
    void this.#writer.add(event)
    this.#recent += 1
    if (this.#recent >= MAX_UNSIGNED_RECORDS && this.#signing === undefined) void this.tick()
  }

  /** Whether the log is written, as far as is known. */
  readonly isWritten = (): boolean => this.#writer.isWritten()

  /** Resolves once every record so far is on the disk, or to false when that is not possible now. */
  readonly written = (): Promise<boolean> => this.#writer.written()

  /** What of the log is on the disk. */
  readonly head = (): Head & { readonly chain: string } => ({ chain: this.#chain, ...this.#writer.head() })

  /** Signs the log so far, unless it is signed already; rejects with the error of the key or the file. */
  checkpoint(): Promise<void> {
    return this.#signing ??= this.#alone(this.#sign())
  }

  /** Signs the log and begins a new file when that is due, and looks after the file. Never rejects. */
  async tick(): Promise<void> {
    const { now, emit, file, maxBytes = Infinity, maxAge } = this.#deps
    this.#writer.check()
    for (const count of this.#fold.counts()) void this.#writer.add(count)
    const isOld = Math.abs(between(this.#signedAt, now())) >= CHECKPOINT_SECONDS
    const isAged = maxBytes < Infinity && between(this.#file.begunAt, now()) >= maxAge
    const isFull = this.head().seq >= this.#file.firstSeq && (isAged || file.size() >= maxBytes)
    try {
      if (isFull && file.fault() === undefined) await this.#renew()
      else if (isOld || this.#recent >= MAX_UNSIGNED_RECORDS) await this.checkpoint()
    } catch (error) {
      // A failed write was reported by the writer.
      if (error !== this.#writer.error()) emit({ name: 'audit.failed', code: 'unexpected' })
    }
  }

  /** Begins a new file at the path if the present one was moved away, deleted or cut. Never rejects. */
  readonly reopen = async (): Promise<void> => {
    this.#writer.check()
    if (this.#deps.file.fault() !== undefined) await this.#renew()
  }

  /** Signs a final checkpoint and closes the file; rejects like `checkpoint`. */
  async close(): Promise<void> {
    for (const count of this.#fold.counts(true)) void this.#writer.add(count)
    await this.#writer.written()
    // A checkpoint under way may not cover the newest records.
    await this.#signing?.catch(() => {})
    try {
      for (let attempt = 0; attempt < FINAL_ATTEMPTS; attempt += 1) await this.checkpoint()
    } finally {
      await this.#deps.file.close()
    }
  }

  async #sign(): Promise<void> {
    await this.#writer.written()
    this.#recent = 0
    const covered = this.#writer.head()
    const entry = await this.#checkpointOver(covered)
    if (entry === undefined) return
    if (!await this.#writer.addEntry(entry)) throw this.#writer.error()
    this.#isSigned(covered, entry)
  }

  /** The record that signs the log so far; undefined if nothing is unsigned, or no key signs. */
  async #checkpointOver(head: Head): Promise<Entry | undefined> {
    const by = head.seq === this.#signed ? undefined : this.#deps.signer()
    return by && await signHead(by, head, timestamp(this.#deps.now()))
  }

  #isSigned(covered: Head, { fields }: Entry): void {
    const { now, emit } = this.#deps
    const head = this.#writer.head()
    // Records appended while signing stay unsigned; the checkpoint itself needs no signature.
    this.#signed = head.seq === covered.seq + 1 ? head.seq : covered.seq
    this.#signedAt = now()
    emit({ name: CHECKPOINT, seq: head.seq, head: head.hash, kid: (fields['jwk'] as PublicJwk).kid })
  }

  /** Begins a new file, when no checkpoint of the old one is under way. Never rejects. */
  async #renew(): Promise<void> {
    while (this.#signing !== undefined) await this.#signing.catch(() => {})
    await (this.#signing = this.#alone(this.#turn()))
  }

  #alone(task: Promise<void>): Promise<void> {
    return task.finally(() => this.#signing = undefined)
  }

  /** The old file ends with a checkpoint, unless somebody cut it. */
  #turn(): Promise<void> {
    const { file } = this.#deps
    return this.#writer.renew(async (append) => {
      const before = this.#writer.head()
      const last = file.fault() === 'truncated' ? undefined : await this.#checkpointOver(before)
      if (last !== undefined) {
        await append([last])
        this.#isSigned(before, last)
      }
      await file.renew(`${this.#chain.slice(0, 8)}.${String(this.#file.firstSeq).padStart(12, '0')}`)
      return this.#nextSegment()
    })
  }

  #nextSegment(): Event {
    const firstSeq = this.#writer.head().seq + 1
    this.#file = { firstSeq, begunAt: this.#deps.now() }
    const event: Event = { name: 'audit.segment', chain: this.#chain, from: firstSeq, ...this.#ring }
    this.#deps.emit(event)
    return event
  }
}
