import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** One request, and the response that it will have. */
export interface Turn {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** One connection: it has one turn at a time, and requests that its client sends meanwhile wait in a queue. */
export interface Connection {
  readonly socket: Socket
  /** The turn that began last; its response lets go of the socket once it is written. */
  current?: Turn
  readonly queue: Turn[]
  /** Whether it takes no more requests: its next response is the last, or has been sent. */
  isEnded: boolean
}

/**
 * So many requests of one connection may always wait; more, only while few wait in all connections together. A request
 * that waits takes 3 KB.
 */
const MAX_QUEUE = 2
const MAX_QUEUED_IN_ALL = 2048

/** The connections of a listener. When there are too many, the idlest is closed for a new one. */
export class Connections {
  readonly #most: number
  readonly #begin: (turn: Turn, connection: Connection) => void
  /** Those that are not closed; the one whose last request is the oldest comes first. */
  readonly open: Map<Duplex, Connection> = new Map()
  #queued = 0

  constructor(most: number, begin: (turn: Turn, connection: Connection) => void) {
    this.#most = most
    this.#begin = begin
  }

  readonly add = (socket: Socket): void => {
    if (this.open.size >= this.#most) idlest(this.open)?.socket.destroy()
    const connection: Connection = { socket, queue: [], isEnded: false }
    this.open.set(socket, connection)
    socket.once('close', () => this.end(connection) && this.open.delete(socket))
    // Node.js resumes a socket for reasons of its own.
    socket.on('resume', () => connection.queue.length > 0 && socket.pause())
  }

  /** Forgets the queue: no request behind the current one gets a response. */
  end(connection: Connection): true {
    this.#queued -= connection.queue.splice(0).length
    return connection.isEnded = true
  }

  /** Begins a turn when the one before has its response. */
  readonly take = (request: IncomingMessage, response: ServerResponse): void => {
    const turn = { request, response }
    const connection = this.open.get(request.socket)
    if (connection === undefined || connection.isEnded) return
    const { socket, queue, current } = connection
    this.open.delete(socket)
    this.open.set(socket, connection)
    if (queue.length === 0 && (current === undefined || current.response.socket === null)) {
      connection.current = turn
      return this.#begin(turn, connection)
    }
    const isFull = queue.length >= MAX_QUEUE && this.#queued >= MAX_QUEUED_IN_ALL
    if (isFull) return void (this.end(connection) && stop(socket))
    this.#queued += 1
    if (queue.push(turn) === 1) this.#continueAfter(current, connection)
  }

  #continueAfter(turn: Turn | undefined, connection: Connection): void {
    connection.socket.pause()
    // Requests of others come in between.
    turn?.response.once('close', () => setImmediate(() => this.#next(connection)))
  }

  #next(connection: Connection): void {
    const turn = connection.queue.shift()
    if (turn === undefined) return
    this.#queued -= 1
    if (connection.queue.length > 0) this.#continueAfter(turn, connection)
    else connection.socket.resume()
    connection.current = turn
    this.#begin(turn, connection)
  }
}

/**
 * Closes a connection. Node's parser would make requests of all that was read, up to 1,800 of 64 KiB; told that a
 * tunnel begins, it stops. No documented way does that; where this one fails, the requests are made and forgotten.
 */
function stop(socket: Socket & { readonly parser?: { onIncoming?: () => number } | null }): void {
  if (socket.parser) socket.parser.onIncoming = () => 2
  socket.destroy()
}

/** Whether a whole request of the connection still waits for its response. */
export function isOwed(connection: Connection): boolean {
  return connection.queue.length > 0 || isAtWork(connection)
}

/** The connection with the oldest request that does not wait for this server; if all do, the oldest. */
function idlest(open: ReadonlyMap<Duplex, Connection>): Connection | undefined {
  for (const connection of open.values()) if (!connection.socket.destroyed && !isAtWork(connection)) return connection
  return open.values().next().value
}

function isAtWork({ current }: Connection): boolean {
  return current?.request.complete === true && !current.response.headersSent
}
