import type { Reply } from './reply.ts'

/** One request that passed the limits of the listener and the rules of its route. */
export interface Call {
  readonly method: string
  /** The target before the `?`, exactly as sent; it is matched as it is, never decoded. */
  readonly path: string
  /** The target after the `?`; empty when there is none. */
  readonly query: string
  /** The value of a header by its lower-case name; headers that security depends on appear at most once. */
  readonly header: (name: string) => string | undefined
  /** The IP address of the client, or of a proxy in front of this server. */
  readonly address: () => string
  /** Empty unless the request carries a body. */
  readonly body: Uint8Array
}

/** Responds to a call; without a promise when it need not wait. */
export type Handler = (call: Call) => Reply | Promise<Reply>
