import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { readBody, refuseBody, tooLarge } from './body.ts'
import type { Call, Handler } from './call.ts'
import { bareFault, problem } from './problem.ts'
import { rawAnswer } from './raw-answer.ts'
import type { Reply } from './reply.ts'
import type { Router } from './router.ts'
import { headerOf, refuseHead } from './wire.ts'

/** What the exchanges of one listener share. */
export interface Desk {
  router: Router
  /** Whether a connection is kept for a next request; if not, each answer is the last of its connection. */
  readonly keepsAlive: () => boolean
  /** Connections that have their last answer, although their client may still be sending. */
  readonly ended: WeakSet<Duplex>
  /** The exchanges of a connection that could not be answered at once. */
  readonly open: WeakMap<Duplex, Set<Exchange>>
  readonly onFault: (error: unknown) => void
}

/** One request and its answer. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly desk: Desk
}

const EMPTY = new Uint8Array(0)
/** Milliseconds for which a client may go on sending after its last answer, which a reset could take from it. */
const LINGER = 1000

const PARSER_STATUS: ReadonlyMap<string, number> = new Map([
  ['HPE_HEADER_OVERFLOW', 431],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413],
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
])

/** Answers one request; without waiting when there is no body and the handler does not wait. */
export function conduct(exchange: Exchange, expectsContinue: boolean): void {
  const { request, desk } = exchange
  // Node parses what is pipelined behind a refusal before the refusal ends the connection.
  if (desk.ended.has(request.socket)) return
  const { method = '', url: target = '', httpVersion, rawHeaders } = request
  const refused = refuseHead({ method, target, httpVersion, rawHeaders })
  if (refused !== undefined) return sendLast(exchange, refused)
  const call = callOf(request, method, target)
  const found = desk.router.find(method, call.path)
  const length = call.header('transfer-encoding') === undefined ? Number(call.header('content-length') ?? 0) : undefined
  if ('refusal' in found) return length === 0 ? send(exchange, found.refusal) : sendLast(exchange, found.refusal)
  if (length === 0) return answer(exchange, found.handler, call)
  const unwanted = refuseBody(call.header('content-encoding'), length)
  if (unwanted !== undefined) return sendLast(exchange, unwanted)
  if (expectsContinue) exchange.response.writeContinue()
  sendLater(exchange, withBody(exchange, found.handler, call))
}

/** Answers a connection on which Node's parser gave up, unless it has its last answer already. */
export function abandon(code: string | undefined, socket: Duplex, desk: Desk): void {
  // A client that announced its last request gets the answer to that one, whatever it sends behind it.
  if (desk.ended.has(socket) || code === 'HPE_CLOSED_CONNECTION') return
  // Ours would be taken for the answer to the request before, which goes out instead, and is the last.
  if (isOwed(socket, desk)) desk.ended.add(socket)
  else if (!socket.writable) socket.destroy()
  else endWith(socket, problem(PARSER_STATUS.get(code ?? '') ?? 400), desk)
}

/** Ends a connection that is no longer Node's to answer, with this answer unless it has its last one, after a moment. */
export function endWith(socket: Duplex, answer: Reply, desk: Desk): void {
  const content = desk.ended.has(socket) || isOwed(socket, desk) ? EMPTY : rawAnswer(answer)
  desk.ended.add(socket)
  // Node takes its own listener away from the socket of a CONNECT; without any, a reset would end the process.
  socket.on('error', () => {})
  socket.resume().end(content)
  const timer = setTimeout(() => socket.destroy(), LINGER)
  socket.once('close', () => clearTimeout(timer))
}

/** Answers, and ends the connection once what the client still sends has been taken in, or after a moment. */
export function sendLast({ request, response, desk }: Exchange, { status, headers, body }: Reply): void {
  desk.ended.add(request.socket)
  response.writeHead(status, { ...headers, connection: 'close' })
  if (request.complete) return void response.end(body)
  response.write(body)
  const end = (): void => void response.end()
  const timer = setTimeout(end, LINGER)
  request.resume().once('end', end)
  response.once('close', () => clearTimeout(timer))
}

function send({ request, response, desk }: Exchange, { status, headers, body }: Reply): void {
  const isLast = !desk.keepsAlive() || desk.ended.has(request.socket)
  response.writeHead(status, isLast ? { ...headers, connection: 'close' } : headers)
  response.end(body)
}

/** Sends what comes of `later`, and knows the exchange for open until then. */
function sendLater(exchange: Exchange, later: Promise<Reply | undefined>): void {
  const { request: { socket }, desk } = exchange
  const open = desk.open.get(socket) ?? new Set()
  desk.open.set(socket, open.add(exchange))
  const close = (reply: Reply | undefined): void => {
    open.delete(exchange)
    if (reply !== undefined) send(exchange, reply)
  }
  later.then(close).catch((error) => {
    open.delete(exchange)
    onFault(exchange, error)
  })
}

/** Whether a request that has come in whole still waits for its answer. */
function isOwed(socket: Duplex, { open }: Desk): boolean {
  return [...open.get(socket) ?? []].some(({ request }) => request.complete)
}

function callOf({ rawHeaders, socket }: IncomingMessage, method: string, target: string): Call {
  const mark = target.indexOf('?')
  return {
    method,
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? '' : target.slice(mark + 1),
    header: (name) => headerOf(rawHeaders, name),
    address: () => socket.remoteAddress ?? 'unknown',
    body: EMPTY,
  }
}

function answer(exchange: Exchange, handler: Handler, call: Call): void {
  try {
    const reply = handler(call)
    if (reply instanceof Promise) sendLater(exchange, reply)
    else send(exchange, reply)
  } catch (error) {
    onFault(exchange, error)
  }
}

/** Reads the body and hands it over; undefined when the client is gone or has its answer already. */
function withBody(exchange: Exchange, handler: Handler, call: Call): Promise<Reply | undefined> {
  return readBody(exchange.request).then((body) => {
    if (body === 'too large') sendLast(exchange, tooLarge())
    return typeof body === 'string' ? undefined : handler({ ...call, body })
  })
}

function onFault(exchange: Exchange, error: unknown): void {
  exchange.desk.onFault(error)
  if (exchange.response.headersSent) exchange.response.destroy()
  else send(exchange, bareFault())
}
