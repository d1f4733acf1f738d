import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { Config } from '../config/config.ts'
import { errnoOf } from '../core/errno.ts'
import { isObject, type JsonObject, parseJsonBytes } from '../core/json.ts'
import { instant, timestamp } from '../core/time.ts'
import { EXIT, refuse } from '../system/exit.ts'
import { trustedSocket } from './trusted-socket.ts'

/** An order waits for a new key of 4096 bits at most. */
const ANSWER_TIMEOUT_MS = 30_000

/** With these codes the server has not received the request. */
const NOT_RECEIVED: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT', 'ENOTDIR', 'EACCES', 'ENOTSOCK'])

/** A request to the running server; with a body it is a POST. */
export interface AdminRequest {
  readonly path: string
  readonly body?: object
}

/** What a server answers: the keys that it publishes now, and more. */
export interface Answer extends JsonObject {
  readonly keys: readonly JsonObject[]
}

/** Asks the running server that --admin names; after an error it prints the error, and returns undefined. */
export async function askServer({ admin }: Config, { path, body }: AdminRequest): Promise<Answer | undefined> {
  if (admin === undefined) {
    return void refuse(EXIT.config, '--admin is not set. Name the socket of the running server: --admin unix:PATH')
  }
  const method = body === undefined ? 'GET' : 'POST'
  const headers = body === undefined ? {} : { 'content-type': 'application/json' }
  const home = process.cwd()
  try {
    const socket = trustedSocket(admin)
    if (!socket.ok) return void refuse(EXIT.config, socket.error)
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS)
    const sent = request({ socketPath: socket.value, host: 'localhost', method, path, headers, signal })
    sent.end(body === undefined ? undefined : JSON.stringify(body))
    const [answer] = await once(sent, 'response') as [IncomingMessage]
    return accepted(answer.statusCode ?? 0, await readObject(answer))
  } catch (error) {
    const { code = 'no answer' } = errnoOf(error)
    return void refuse(EXIT.unavailable, NOT_RECEIVED.has(code)
      ? `Cannot reach the socket of operators: ${code}. Check that the server runs and that --admin is the same`
      : `The server does not answer (${code}). It may have carried out the order: list the keys with jwksd keys`)
  } finally {
    // trustedSocket() has entered the folder of the socket; the other paths of the configuration begin here.
    process.chdir(home)
  }
}

async function readObject(answer: IncomingMessage): Promise<JsonObject> {
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  const parsed = parseJsonBytes(Buffer.concat(chunks))
  return parsed.ok && isObject(parsed.value) ? parsed.value : {}
}

function accepted(status: number, answer: JsonObject): Answer | undefined {
  const { keys } = answer
  if (status === 200 && Array.isArray(keys)) return { ...answer, keys: keys.filter(isObject) }
  if (status === 200) return void refuse(EXIT.unavailable, 'The answer lists no keys. Is --admin the socket of jwksd?')
  const { detail = `The server answered ${status}`, earliest_safe_at: safeAt } = answer as Partial<JsonObject>
  const when = typeof safeAt === 'number' ? `; safe from ${timestamp(instant(safeAt))} on` : ''
  return void refuse(EXIT.refused, `${String(detail)}${when}`)
}
