import type { Duplex } from 'node:stream'
import type { Call, Handler } from './call.ts'
import { type Connection, Connections, isOwed, type Turn } from './connections.ts'
import { problem } from './problem.ts'
import { rawAnswer } from './raw-answer.ts'
import type { Reply } from './reply.ts'
import { type Router, router } from './router.ts'
import { framingOf, headerOf } from './wire.ts'

/** What the exchanges of one listener share. */
export interface Shared {
  router: Router
  /** Whether each response is the last of its connection. */
  isClosing: boolean
  readonly connections: Connections
  /** What reads bodies; loaded at a start, since a flood may leave no file to open. */
  bodies?: Promise<typeof import('./body.ts')>
  /** By default the other end of the connection. */
  readonly addressOf: AddressOf | undefined
  readonly onFault: (error: unknown) => void
  /** Hears of every response; the path is as sent, and empty where none could be read. */
  readonly onReply: (path: string, status: number) => void
}

/** A turn that has begun. */
interface Exchange extends Turn {
  readonly connection: Connection
  readonly shared: Shared
}

/** What receives a body of so many bytes; undefined when it is chunked. */
interface Receiver {
  readonly handler: Handler
  readonly length: number | undefined
}

/** The address of a client; `peer` is the other end of the connection, undefined for a socket file. */
export type AddressOf = (peer: string | undefined, rawHeaders: readonly string[]) => string

const EMPTY = new Uint8Array(0)
/** How long a client may go on sending after its last response: a reset at once could take the response from it. */
const LINGER_MS = 1000

const PARSER_STATUS: ReadonlyMap<string, number> = new Map([
  ['HPE_HEADER_OVERFLOW', 431],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413],
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
])

/** The exchanges of a listener that accepts so many connections; they need a router. */
export function exchanges(most: number, hooks: Pick<Shared, 'addressOf' | 'onFault' | 'onReply'>): Shared {
  const connections = new Connections(most, (turn, connection) => conduct(turn, connection, shared))
  const shared: Shared = { ...hooks, router: router([]), isClosing: false, connections }
  return shared
}

/** Responds to one request; without waiting when there is no body and the handler does not wait. */
function conduct({ request, response }: Turn, connection: Connection, shared: Shared): void {
  const exchange = { request, response, connection, shared }
  const { method = '', url: target = '', httpVersion, rawHeaders } = request
  const framing = framingOf({ method, target, httpVersion, rawHeaders })
  if ('refusal' in framing) return sendLast(exchange, framing.refusal)
  const call = callOf(exchange, method, target)
  const found = shared.router.find(method, call.path)
  const hasBody = framing.length !== 0
  if ('refusal' in found) return hasBody ? sendLast(exchange, found.refusal) : send(exchange, found.refusal)
  if (hasBody) sendLater(exchange, withBody(exchange, call, { ...found, length: framing.length }))
  else respond(exchange, found.handler, call)
}

/** Ends a connection on which Node's parser gave up, with the status that fits its error code. */
export function abandon(code: string | undefined, socket: Duplex, shared: Shared): void {
  const connection = shared.connections.open.get(socket)
  // A client that announced its last request gets the response to that one, whatever it sends behind it.
  if (connection === undefined || connection.isEnded || code === 'HPE_CLOSED_CONNECTION') return
  // The client would take an error for the response to its earlier request: send that one, then close.
  if (isOwed(connection)) connection.isEnded = true
  else if (!socket.writable) socket.destroy()
  else endWith(socket, problem(PARSER_STATUS.get(code ?? '') ?? 400), shared)
}

/** Writes a response, unless the connection has its last one, and closes the socket after `LINGER_MS`. */
export function endWith(socket: Duplex, reply: Reply, shared: Shared): void {
  const connection = shared.connections.open.get(socket)
  const mayAnswer = connection !== undefined && !connection.isEnded && !isOwed(connection)
  if (mayAnswer) shared.onReply('', reply.status)
  if (connection !== undefined) shared.connections.end(connection)
  // Node takes its own listener away from the socket of a CONNECT; without any, a reset would end the process.
  socket.on('error', () => {})
  socket.resume().end(mayAnswer ? rawAnswer(reply) : EMPTY)
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer))
}

/** Responds, and closes the connection when the client has sent its whole request, or after `LINGER_MS`. */
function sendLast({ request, response, connection, shared }: Exchange, { status, headers, body }: Reply): void {
  shared.connections.end(connection)
  shared.onReply(pathOf(request.url ?? ''), status)
  response.writeHead(status, { ...headers, connection: 'close' })
  if (request.complete) return void response.end(body)
  response.write(body)
  const end = (): void => void response.end()
  const timer = setTimeout(end, LINGER_MS)
  request.resume().once('end', end)
  response.once('close', () => clearTimeout(timer))
}

function send({ request, response, connection, shared }: Exchange, { status, headers, body }: Reply): void {
  const isLast = connection.isEnded || shared.isClosing
  if (isLast) shared.connections.end(connection)
  shared.onReply(pathOf(request.url ?? ''), status)
  response.writeHead(status, isLast ? { ...headers, connection: 'close' } : headers)
  response.end(body)
}

/** Sends a reply when it is there. */
function sendLater(exchange: Exchange, later: Promise<Reply | undefined>): void {
  later.then((reply) => {
    if (reply !== undefined) send(exchange, reply)
  }).catch((error: unknown) => onFault(exchange, error))
}

/** What stands before the `?` of a target. */
function pathOf(target: string): string {
  const mark = target.indexOf('?')
  return mark < 0 ? target : target.slice(0, mark)
}

function callOf({ request: { rawHeaders, socket }, shared }: Exchange, method: string, target: string): Call {
  const mark = target.indexOf('?')
  return {
    method,
    path: pathOf(target),
    query: mark < 0 ? '' : target.slice(mark + 1),
    header: (name) => headerOf(rawHeaders, name),
    address: () => shared.addressOf?.(socket.remoteAddress, rawHeaders) ?? socket.remoteAddress ?? 'unknown',
    body: EMPTY,
  }
}

function respond(exchange: Exchange, handler: Handler, call: Call): void {
  try {
    const reply = handler(call)
    if (reply instanceof Promise) sendLater(exchange, reply)
    else send(exchange, reply)
  } catch (error) {
    onFault(exchange, error)
  }
}

/** Reads the body and calls the handler; undefined when the client is gone or has its response already. */
async function withBody(exchange: Exchange, call: Call, { handler, length }: Receiver): Promise<Reply | undefined> {
  const { receive } = await (exchange.shared.bodies ??= import('./body.ts'))
  const body = await receive(exchange, call, length)
  if (body instanceof Uint8Array) return handler({ ...call, body })
  if (body !== undefined) sendLast(exchange, body)
  return undefined
}

/** Reports a bug of ours; its response is a bare 500. */
function onFault(exchange: Exchange, error: unknown): void {
  exchange.shared.onFault(error)
  if (exchange.response.headersSent) exchange.response.destroy()
  else send(exchange, problem(500))
}
