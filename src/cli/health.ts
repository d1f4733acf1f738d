import type { Config } from '../config/config.ts'
import type { NetworkAddress } from '../config/values.ts'
import { errnoOf } from '../core/errno.ts'
import { isObject, type JsonObject, parseJsonBytes } from '../core/json.ts'
import { printable } from '../core/printable.ts'
import { ask } from '../stores/peer.ts'
import { EXIT, refuse } from '../system/exit.ts'
import type { Command } from './command.ts'

/** Shorter than the time that supervisors wait. */
const ANSWER_TIMEOUT_MS = 3000
const MAX_ANSWER_BYTES = 16_384

/** `jwksd health [URL]`: asks a server how it is, for a health check without curl. */
export const health: Command = {
  words: ['[URL]'],
  flags: [{ name: 'ready', value: '', meaning: 'ask whether it may be sent requests, not only whether it lives' }],
  meaning: 'Ask the server at URL, or at the address of --metrics or --host and --port, whether it lives. Exit 0: yes; '
    + '1: it says no; 69: it does not answer within 3 s.',
  example: 'jwksd health --ready --metrics 127.0.0.1:9464',
  run: async ({ config, own, words: [base] }) => {
    const path = own['ready'] === undefined ? '/healthz' : '/readyz'
    if (base === undefined && config.metrics === undefined && !speaksHttp(config)) {
      return refuse(EXIT.config, 'No address speaks HTTP without TLS. Name a URL, or set --metrics 127.0.0.1:9464')
    }
    const url = URL.parse(path, base ?? nearUrl(config.metrics ?? config))
    if (url === null || !/^https?:$/.test(url.protocol)) {
      return refuse(EXIT.config, `${JSON.stringify(base)} is not a URL. Write it like http://127.0.0.1:8080`)
    }
    await report(url)
  },
}

/** Whether the address for everybody takes HTTP without TLS on a port. */
export function speaksHttp({ host, tlsCert }: Config): boolean {
  return tlsCert === undefined && !host.startsWith('unix:')
}

/** The URL at which what listens on an address answers this machine. */
export function nearUrl({ host, port }: NetworkAddress): string {
  const near = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${near.includes(':') ? `[${near}]` : near}:${port}`
}

/** Prints what the server says; the exit code is the verdict. */
async function report(url: URL): Promise<void> {
  const question = { url, method: 'GET', headers: { connection: 'close' }, maxBytes: MAX_ANSWER_BYTES } as const
  try {
    const { status, body } = await ask({ ...question, withinMs: ANSWER_TIMEOUT_MS })
    const said = verdictIn(body)
    if (status === 200 && said !== undefined) return void process.stdout.write(`${said}\n`)
    refuse(EXIT.refused, `${url.href} answers ${status}${said === undefined ? ': is it jwksd?' : `: ${said}`}`)
  } catch (error) {
    const { code = 'no HTTP' } = errnoOf(error)
    refuse(EXIT.unavailable, `${url.href} does not answer (${code}). Does the server run there?`)
  }
}

/** The status in an answer, and what it is made of; undefined when it is no answer of a server like this. */
function verdictIn(body: Buffer): string | undefined {
  const parsed = parseJsonBytes(body)
  if (!parsed.ok || !isObject(parsed.value)) return undefined
  const { status, ...parts } = parsed.value as JsonObject & { readonly status?: unknown }
  if (typeof status !== 'string') return undefined
  const rest = Object.entries(parts).map(([name, value]) => `${name}: ${String(value)}`).join(', ')
  return printable(rest === '' ? status : `${status} (${rest})`)
}
