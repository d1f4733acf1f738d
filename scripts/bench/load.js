import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const SCRIPT = fileURLToPath(new URL('wrk.lua', import.meta.url))

/** A request that is sent over and over. @typedef {{ url: string, method?: string, headers?: Record<string, string>, body?: string, bodies?: string }} Request */
/** What came of it: seconds, bytes, and latencies in milliseconds. @typedef {{ requests: number, seconds: number, bytes: number, failed: number, p50: number, p99: number }} Outcome */

/**
 * Sends a request as fast as the server answers, over some connections, from some cores; `bodies` names a file with a
 * body a line, of which each is sent once. Failed are answers of 400 and above, and connections that broke.
 * @param {Request} request @param {{ seconds: number, connections?: number, cores: string }} how @returns {Promise<Outcome>}
 */
export async function load({ url, method = 'GET', headers = {}, body = '', bodies = '' }, { seconds, connections = 64, cores }) {
  const env = { ...process.env, METHOD: method, BODY: body, BODIES: bodies, HEADERS: Object.entries(headers).map(([name, value]) => `${name}: ${value}`).join('\n') }
  const wrk = ['-c', cores, 'wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '-s', SCRIPT, url]
  const child = spawn('taskset', wrk, { stdio: ['ignore', 'pipe', 'inherit'], env })
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  await once(child, 'close')
  const told = /^outcome (.*)$/m.exec(output)?.[1]
  if (told === undefined) throw new Error(`wrk said: ${output}`)
  const [requests = 0, micros = 0, bytes = 0, failed = 0, p50 = 0, p99 = 0] = told.split(' ').map(Number)
  return { requests, seconds: micros / 1e6, bytes, failed, p50: p50 / 1000, p99: p99 / 1000 }
}
