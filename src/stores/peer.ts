import { type Agent, type IncomingHttpHeaders, type IncomingMessage, request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'

/** One request to another server, and what is waited for. */
export interface Question {
  readonly url: URL
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Milliseconds from now until the answer must be whole. */
  readonly withinMs: number
  /** Bytes of the answer, at most. */
  readonly maxBytes: number
  /** The connections to use; without one, those of Node.js. */
  readonly agent?: Agent | undefined
}

/** What another server answered; its body is whole. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/**
 * The one client of other servers: sends a request and reads the answer, and follows no redirect. Rejects for a failed
 * connection, an answer that is late or too large, and one that was cut off: whether the request had an effect is
 * unknown then.
 */
export function ask({ url, body, withinMs, maxBytes, ...options }: Question): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? tlsRequest : plainRequest)(url, options)
    const fail = (error: unknown): void => {
      clearTimeout(timer)
      reject(error)
      request.destroy()
    }
    // A program that is paused neither answers nor closes the connection.
    const timer = setTimeout(() => fail(withCode('ETIMEDOUT')), withinMs)
    request.on('error', fail)
    request.once('response', (response) => {
      void bodyOf(response, maxBytes).then((whole) => {
        clearTimeout(timer)
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: whole })
      }, fail)
    })
    request.end(body)
  })
}

async function bodyOf(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBytes) throw withCode('EMSGSIZE')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function withCode(code: string): Error {
  return Object.assign(new Error(code), { code })
}
