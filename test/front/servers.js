import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { request as send } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../support/free-port.js'

/** What stands in front: the built server, and programs by other people, each in the foreground as a child. */

const SERVER = fileURLToPath(new URL('../../dist/server.js', import.meta.url))

/**
 * Starts the built server; `events` grows as it logs.
 * @param {string[]} args
 */
export async function startServer(args) {
  const child = spawn(process.execPath, [SERVER, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const events = []
  const port = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`The server ended with exit code ${code}`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = JSON.parse(line)
      events.push(event)
      if (event.event === 'server.listening') resolve(event.url.startsWith('unix:') ? 0 : Number(new URL(event.url).port))
    })
  })
  child.removeAllListeners('exit')
  return { port, events, end: () => { child.kill('SIGTERM'); return once(child, 'exit') } }
}

/**
 * Makes a clients file with one client, and answers its secret.
 * @param {string} file
 */
export function addClient(file) {
  const args = ['client', 'add', 'billing', '--clients', file, '--audience', 'https://api.example', '--scope', 'read']
  const { stdout, stderr } = spawnSync(process.execPath, [SERVER, ...args], { encoding: 'utf8' })
  const secret = /client_secret: (\S+)/.exec(stdout)?.[1]
  if (secret === undefined) throw new Error(stderr)
  return secret
}

/**
 * Starts nginx in front of a server; each directive goes into its one location.
 * @param {string} folder
 * @param {number | string} upstream a port, or the whole URL
 * @param {readonly string[]} directives
 */
export async function startNginx(folder, upstream, directives) {
  const port = await freePort()
  const file = join(folder, `nginx-${port}.conf`)
  const names = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const paths = names.map((name) => `${name}_temp_path ${folder}/${name};`)
  writeFileSync(file, `
daemon off;
pid ${folder}/nginx-${port}.pid;
error_log stderr crit;
events {}
http {
  access_log off;
  ${paths.join('\n  ')}
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass ${typeof upstream === 'number' ? `http://127.0.0.1:${upstream}` : upstream};
      ${directives.join('\n      ')}
    }
  }
}
`)
  return await started('/usr/sbin/nginx', ['-c', file, '-e', 'stderr'], port)
}

/**
 * Starts HAProxy in front of servers, which it checks; each directive goes into its one section.
 * @param {string} folder
 * @param {readonly number[]} upstreams
 * @param {readonly string[]} directives
 */
export async function startHaproxy(folder, upstreams, directives) {
  const port = await freePort()
  const file = join(folder, `haproxy-${port}.cfg`)
  const socket = join(folder, `haproxy-${port}.sock`)
  writeFileSync(file, `
global
  stats socket ${socket}
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
listen front
  bind 127.0.0.1:${port}
  option httpchk GET /readyz
  ${directives.join('\n  ')}
  ${upstreams.map((upstream, at) => `server s${at} 127.0.0.1:${upstream} check inter 100ms fall 1 rise 1`).join('\n  ')}
`)
  const proxy = await started('/usr/sbin/haproxy', ['-db', '-f', file], port)
  return { ...proxy, socket }
}

/**
 * Starts Varnish in front of a server, as it comes.
 * @param {string} folder
 * @param {number} upstream
 */
export async function startVarnish(folder, upstream) {
  const port = await freePort()
  const [own, other] = [port, upstream].map((at) => `127.0.0.1:${at}`)
  const args = ['-F', '-a', own, '-b', other, '-n', join(folder, 'varnish'), '-j', 'none']
  return await started('/usr/sbin/varnishd', args, port)
}

/**
 * @param {string} program
 * @param {readonly string[]} args
 * @param {number} port
 */
async function started(program, args, port) {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const exited = once(child, 'exit')
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const isThere = await ask(port, '/jwks.json').then(({ status }) => status === 200, () => false)
    if (isThere) return { port, end: () => { child.kill('SIGTERM'); return exited } }
    await sleep(100)
  }
  child.kill('SIGKILL')
  throw new Error(`${program} does not answer`)
}

/**
 * Sends a request from an address of this machine; a header that is a list is sent as so many lines.
 * @param {number} port
 * @param {string} path
 * @param {{ from?: string, headers?: Record<string, string | string[]>, body?: string }} [options]
 * @returns {Promise<{ status: number, headers: Record<string, string>, text: string }>}
 */
export function ask(port, path, { from = '127.0.0.2', headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST'
    const options = { host: '127.0.0.1', port, path, method, headers, localAddress: from, agent: false }
    const request = send(options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => text += chunk)
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }))
      response.on('error', reject)
    })
    request.on('error', reject)
    request.end(body)
  })
}
