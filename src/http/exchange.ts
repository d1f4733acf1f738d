import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { readBody, refuseBody, tooLarge } from './body.ts'
import type { Call, Handler } from './call.ts'
import { bareFault, problem } from './problem.ts'
import { rawAnswer } from './raw-answer.ts'
import type { Reply } from './reply.ts'
import type { Router } from './router.ts'
import { refuseHead } from './wire.ts'

/** What the exchanges of one listener share. */
export interface Desk {
  router: Router
  /** From then on each answer is the last of its connection. */
  isClosing: boolean
  /** Connections that have their last answer, although their client may still be sending. */
  readonly ended: WeakSet<Duplex>
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
  const { method = '', url: target = '', httpVersion, rawHeaders, headers } = request
  const refused = refuseHead({ method, target, httpVersion, rawHeaders })
  if (refused !== undefined) return sendLast(exchange, refused)
  const call = callOf(request, method, target)
  const found = desk.router.find(method, call.path)
  const length = headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : undefined
  if ('refusal' in found) return length === 0 ? send(exchange, found.refusal) : sendLast(exchange, found.refusal)
  if (length === 0) return answer(exchange, found.handler, call)
  const unwanted = refuseBody(call.header('content-encoding'), length)
  if (unwanted !== undefined) return sendLast(exchange, unwanted)
  if (expectsContinue) exchange.response.writeContinue()
  answerWithBody(exchange, found.handler, call)
}

/** Answers a connection on which Node's parser gave up, unless it has its last answer already. */
export function abandon(code: string | undefined, socket: Duplex, desk: Desk): void {
  // A client that announced its last request gets the answer to that one, whatever it sends behind it.
  if (desk.ended.has(socket) || code === 'HPE_CLOSED_CONNECTION') return
  if (!socket.writable) socket.destroy()
  else endWith(socket, problem(PARSER_STATUS.get(code ?? '') ?? 400), desk)
}

/** Ends a connection that is no longer Node's to answer, with this answer unless it has its last one, after a moment. */
export function endWith(socket: Duplex, answer: Reply, { ended }: Desk): void {
  const content = ended.has(socket) ? EMPTY : rawAnswer(answer)
  ended.add(socket)
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

function send({ response, desk }: Exchange, { status, headers, body }: Reply): void {
  response.writeHead(status, desk.isClosing ? { ...headers, connection: 'close' } : headers)
  response.end(body)
}

function callOf({ headers }: IncomingMessage, method: string, target: string): Call {
  const mark = target.indexOf('?')
  return {
    method,
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? '' : target.slice(mark + 1),
    header: (name) => {
      const value = headers[name]
      return typeof value === 'string' ? value : undefined
    },
    body: EMPTY,
  }
}

function answer(exchange: Exchange, handler: Handler, call: Call): void {
  try {
    const reply = handler(call)
    if (reply instanceof Promise) reply.then((ready) => send(exchange, ready)).catch((error) => onFault(exchange, error))
    else send(exchange, reply)
  } catch (error) {
    onFault(exchange, error)
  }
}

function answerWithBody(exchange: Exchange, handler: Handler, call: Call): void {
  const { request, desk } = exchange
  readBody(request).then((body) => {
    if (body === 'too large') sendLast(exchange, tooLarge())
    else if (body !== 'aborted') answer(exchange, handler, { ...call, body })
  }).catch(desk.onFault)
}

function onFault(exchange: Exchange, error: unknown): void {
  exchange.desk.onFault(error)
  if (exchange.response.headersSent) exchange.response.destroy()
  else send(exchange, bareFault())
}
