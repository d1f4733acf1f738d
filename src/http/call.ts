import type { Reply } from './reply.ts'

/** One request that passed the limits of the listener and the rules of its route. */
export interface Call {
  readonly method: string
  /** What stands before the `?`, exactly as sent; matched as it is, never decoded. */
  readonly path: string
  /** What stands after the `?`; empty when there is none. */
  readonly query: string
  /** The value of a header line by its lower-case name; security-relevant ones are known to appear at most once. */
  readonly header: (name: string) => string | undefined
  /** Where the connection comes from. */
  readonly address: () => string
  /** Empty unless the request carries a body. */
  readonly body: Uint8Array
}

/** Answers a call; returns at once when there is nothing to wait for. */
export type Handler = (call: Call) => Reply | Promise<Reply>
