import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Checks, same } from '../clients/checks.js'
import { freePort } from '../support/free-port.js'
import { addClient, ask, startHaproxy, startNginx, startServer, startVarnish } from './servers.js'

/** The built server behind proxies by other people: whose address it sees, how it restarts, what a cache keeps. */

const checks = new Checks()
const folder = mkdtempSync(join(tmpdir(), 'jwksd-front-'))
const clients = join(folder, 'clients.json')
const secret = addClient(clients)
const CLIENT = '127.0.0.2'
const OTHER = '127.0.0.3'
const FORGED = '203.0.113.66'

/** What a client may send of its own, by name. */
const FORGERIES = {
  'nothing': {},
  'X-Forwarded-For': { 'x-forwarded-for': FORGED },
  'two lines of X-Forwarded-For': { 'x-forwarded-for': [FORGED, '127.0.0.1'] },
  'a chain that ends at the proxy': { 'x-forwarded-for': `${FORGED}, 127.0.0.1, 127.0.0.1` },
  'Forwarded': { 'forwarded': `for=${FORGED}` },
  'two lines of Forwarded': { 'forwarded': [`for=${FORGED}`, 'for=127.0.0.1'] },
  'Forwarded with a quote left open': { 'forwarded': `for="${FORGED}` },
  'both': { 'x-forwarded-for': FORGED, 'forwarded': `for=${FORGED};proto=https` },
  'X-Real-IP and others': { 'x-real-ip': FORGED, 'true-client-ip': FORGED, 'x-client-ip': FORGED },
}

const NGINX = {
  'x-forwarded-for': ['proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;'],
  'forwarded': ['proxy_set_header Forwarded "$http_forwarded, for=$remote_addr";'],
}
const HAPROXY = {
  'x-forwarded-for': ['option forwardfor'],
  'forwarded': ['http-request add-header Forwarded for=%[src]'],
}

function post(port, id, given, more = {}) {
  const basic = Buffer.from(`${id}:${given}`).toString('base64')
  const type = 'application/x-www-form-urlencoded'
  const headers = { 'authorization': `Basic ${basic}`, 'content-type': type, ...more.headers }
  return ask(port, '/token', { ...more, headers, body: 'grant_type=client_credentials' })
}

/** Tries every forgery behind one proxy that adds to one header. */
async function tryAddresses(program, header, startProxy) {
  const { port, events, end } = await startServer(['--port', '0', '--alg', 'ES256', '--clients', clients,
    '--trusted-proxies', '127.0.0.1', '--forwarded-header', header])
  const proxy = await startProxy(port)
  const addressOfLast = async () => {
    await sleep(50)
    return events.filter(({ event }) => event === 'client.refused').at(-1)?.address
  }
  const that = (what, check) => checks.that(`${program} with ${header}`, what, check)
  for (const [what, headers] of Object.entries(FORGERIES)) {
    await that(`sees the client that sends ${what}`, async () => {
      same((await post(proxy.port, 'billing', 'wrong', { headers })).status, 401, 'status')
      same(await addressOfLast(), CLIENT, 'address')
    })
  }
  await that('believes no header of a client that comes past the proxy', async () => {
    for (const headers of Object.values(FORGERIES)) {
      await post(port, 'billing', 'wrong', { from: OTHER, headers })
      same(await addressOfLast(), OTHER, 'address')
    }
  })
  await that('throttles the failures of one client, and of no other', async () => {
    const failures = []
    for (let at = 0; at < 12; at += 1) {
      // Another forged address each time must not help.
      const headers = { [header]: header === 'forwarded' ? `for=192.0.2.${at}` : `192.0.2.${at}` }
      failures.push((await post(proxy.port, 'billing', 'wrong', { headers })).status)
    }
    same(failures.at(-1), 429, 'status of the last failure')
    same((await post(proxy.port, 'billing', 'wrong', { from: '127.0.0.4' })).status, 401, 'status of another address')
    same((await post(proxy.port, 'billing', secret)).status, 200, 'status of the right secret')
  })
  await proxy.end()
  await end()
}

/** Puts nginx in front of a socket that its group may use, or in front of a server that speaks TLS, and asks for a token. */
async function tryNginx(what, url, options, directives = []) {
  const { events, port, end } = await startServer(['--alg', 'ES256', '--clients', clients, ...options])
  const proxy = await startNginx(folder, url(port), [...NGINX['x-forwarded-for'], ...directives])
  await checks.that('nginx', `${what}: a token, and the address of the client`, async () => {
    same((await post(proxy.port, 'billing', secret)).status, 200, 'status')
    same((await post(proxy.port, 'billing', 'wrong', { headers: { 'x-forwarded-for': FORGED } })).status, 401, 'status')
    await sleep(50)
    same(events.filter(({ event }) => event === 'client.refused').at(-1)?.address, CLIENT, 'address')
  })
  await proxy.end()
  await end()
}

async function trySocketAndTls() {
  const [path, cert, key] = ['public', 'tls.crt', 'tls.key'].map((name) => join(folder, name))
  // The workers of nginx run as nobody when root starts it.
  chmodSync(folder, 0o711)
  const group = String(process.getuid() === 0 ? 'nogroup' : process.getgid())
  const socket = ['--host', `unix:${path}`, '--issuer', 'https://issuer.example', '--socket-group', group]
  await tryNginx('over a socket', () => `http://unix:${path}:`, [...socket, '--trusted-proxies', 'unix'], [])
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, '-subj',
    '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'], { stdio: 'ignore' })
  const verify = [`proxy_ssl_trusted_certificate ${cert};`, 'proxy_ssl_verify on;', 'proxy_ssl_name localhost;']
  const tls = ['--port', '0', '--tls-cert', cert, '--tls-key', key, '--trusted-proxies', '127.0.0.1']
  await tryNginx('over TLS', (port) => `https://127.0.0.1:${port}`, tls, verify)
}

/** Replaces each of two servers behind HAProxy, whose check is HTTP/1.0 without Host, under load. */
async function tryRestarts() {
  const ports = [await freePort(), await freePort()]
  const args = (port) => ['--port', String(port), '--alg', 'ES256', '--drain', '1s']
  const servers = await Promise.all(ports.map((port) => startServer(args(port))))
  const proxy = await startHaproxy(folder, ports, ['balance roundrobin', 'http-reuse never'])
  const statuses = new Map()
  let isOver = false
  const load = (async () => {
    while (!isOver) {
      const { status } = await ask(proxy.port, '/jwks.json').catch(() => ({ status: 0 }))
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      await sleep(3)
    }
  })()
  for (const [at, port] of ports.entries()) {
    await sleep(500)
    await servers[at].end()
    servers[at] = await startServer(args(port))
    await sleep(500)
  }
  isOver = true
  await load
  const what = 'checks by HTTP/1.0 without Host, and no request fails while each server restarts'
  await checks.that('HAProxy', what, () => {
    same([...statuses.keys()].join(), '200', 'statuses')
    return `${statuses.get(200)} requests`
  })
  await proxy.end()
  await Promise.all(servers.map(({ end }) => end()))
}

/** Varnish keeps a document for ten seconds more than it may, unless the document says that it must not. */
async function tryVarnish() {
  const store = ['--store', `file:${join(folder, 'ring.json')}`, '--unsealed']
  const timing = ['--preset', 'fast', '--jwks-max-age', '2s']
  const server = await startServer(['--port', '0', '--alg', 'ES256', ...timing, ...store])
  const proxy = await startVarnish(folder, server.port)
  await checks.that('Varnish', 'keeps the key set for max-age and no longer', async () => {
    const age = async () => Number((await ask(proxy.port, '/jwks.json')).headers.age)
    await age()
    await sleep(1200)
    same(await age() >= 1, true, 'fact that it is kept')
    // Longer than max-age, and shorter than the ten seconds for which Varnish would serve it stale.
    await sleep(4000)
    const last = await age()
    same(last <= 2, true, `fact that it is not stale at the age of ${last}`)
    return `age ${last} after 5 s`
  })
  await proxy.end()
  await server.end()
}

try {
  for (const header of ['x-forwarded-for', 'forwarded']) {
    await tryAddresses('nginx', header, (port) => startNginx(folder, port, NGINX[header]))
    await tryAddresses('HAProxy', header, (port) => startHaproxy(folder, [port], HAPROXY[header]))
  }
  await trySocketAndTls()
  await tryRestarts()
  await tryVarnish()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
console.log(`${checks.passed} passed, ${checks.failed} failed`)
process.exitCode = checks.failed === 0 && checks.passed > 0 ? 0 : 1
