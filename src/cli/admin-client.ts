import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { Config } from '../config/config.ts'
import { errnoOf } from '../core/errno.ts'
import { isObject, type JsonObject, parseJsonBytes } from '../core/json.ts'
import { instant, timestamp } from '../core/time.ts'
import { loadAdminToken } from '../stores/admin-token.ts'
import { EXIT, refuse } from '../system/exit.ts'

/** Milliseconds that a server gets; an order waits for a key of 4096 bits at most. */
const PATIENCE = 30_000

/** Nobody has heard what was asked. */
const UNHEARD: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT', 'EACCES', 'ENOTFOUND', 'ENOTSOCK'])

/** Asks the running server that the configuration names; undefined when it said no, which has been told by then. */
export async function askServer(
  config: Config,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<JsonObject | undefined> {
  const { admin } = config
  if (admin === undefined) return void refuse(EXIT.config, '--admin must name the admin listener of the running server: --admin unix:PATH')
  const token = await loadAdminToken(config)
  if (!token.ok) return void refuse(EXIT.config, token.error)
  const headers = {
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(token.value === undefined ? {} : { authorization: `Bearer ${token.value}` }),
  }
  const where = 'path' in admin ? { socketPath: admin.path, host: 'localhost' } : admin
  try {
    const sent = request({ ...where, method, path, headers, signal: AbortSignal.timeout(PATIENCE) })
    sent.end(body === undefined ? undefined : JSON.stringify(body))
    const [answer] = await once(sent, 'response') as [IncomingMessage]
    return told(answer.statusCode ?? 0, await readObject(answer))
  } catch (error) {
    const { code = 'no answer' } = errnoOf(error)
    const isUnheard = UNHEARD.has(code)
    return void refuse(EXIT.unavailable, isUnheard
      ? `Cannot reach the admin listener: ${code}`
      : `The server does not answer (${code}); an order may have been carried out all the same, so list the keys`)
  }
}

async function readObject(answer: IncomingMessage): Promise<JsonObject> {
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  const parsed = parseJsonBytes(Buffer.concat(chunks))
  return parsed.ok && isObject(parsed.value) ? parsed.value : {}
}

function told(status: number, answer: JsonObject): JsonObject | undefined {
  if (status === 200) return answer
  const { detail = `The server answered ${status}`, earliest_safe_at: safe } = answer as Partial<JsonObject>
  const when = typeof safe === 'number' ? `; safe from ${timestamp(instant(safe))} on` : ''
  return void refuse(EXIT.refused, `${String(detail)}${when}`)
}
