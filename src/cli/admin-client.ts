import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { Config } from '../config/config.ts'
import { errnoOf } from '../core/errno.ts'
import { isObject, type JsonObject, parseJsonBytes } from '../core/json.ts'
import { instant, timestamp } from '../core/time.ts'
import { loadAdminToken } from '../stores/admin-token.ts'
import { EXIT, refuse } from '../system/exit.ts'

/** An order waits for a new key of 4096 bits at most. */
const ANSWER_TIMEOUT_MS = 30_000

/** With these codes the server has not received the request. */
const NOT_RECEIVED: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT', 'EACCES', 'ENOTFOUND', 'ENOTSOCK'])

/** A request to the running server; with a body it is a POST. */
export interface AdminRequest {
  readonly path: string
  readonly body?: object
}

/** Asks the running server that --admin names; after an error it prints the error, and returns undefined. */
export async function askServer(config: Config, { path, body }: AdminRequest): Promise<JsonObject | undefined> {
  const { admin } = config
  if (admin === undefined) {
    return void refuse(EXIT.config, '--admin is not set. Name the listener of the running server: --admin unix:PATH')
  }
  const token = await loadAdminToken(config)
  if (!token.ok) return void refuse(EXIT.config, token.error)
  const method = body === undefined ? 'GET' : 'POST'
  const headers = {
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(token.value === undefined ? {} : { authorization: `Bearer ${token.value}` }),
  }
  const address = 'path' in admin ? { socketPath: admin.path, host: 'localhost' } : admin
  try {
    const sent = request({ ...address, method, path, headers, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) })
    sent.end(body === undefined ? undefined : JSON.stringify(body))
    const [answer] = await once(sent, 'response') as [IncomingMessage]
    return accepted(answer.statusCode ?? 0, await readObject(answer))
  } catch (error) {
    const { code = 'no answer' } = errnoOf(error)
    return void refuse(EXIT.unavailable, NOT_RECEIVED.has(code)
      ? `Cannot reach the admin listener: ${code}. Check that the server runs and that --admin is the same`
      : `The server does not answer (${code}). It may have carried out the order: list the keys with jwksd keys`)
  }
}

async function readObject(answer: IncomingMessage): Promise<JsonObject> {
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  const parsed = parseJsonBytes(Buffer.concat(chunks))
  return parsed.ok && isObject(parsed.value) ? parsed.value : {}
}

function accepted(status: number, answer: JsonObject): JsonObject | undefined {
  if (status === 200) return answer
  const { detail = `The server answered ${status}`, earliest_safe_at: safeAt } = answer as Partial<JsonObject>
  const when = typeof safeAt === 'number' ? `; safe from ${timestamp(instant(safeAt))} on` : ''
  return void refuse(EXIT.refused, `${String(detail)}${when}`)
}
