import { randomBytes, randomUUID } from 'node:crypto'
import { Agent } from 'node:http'
import { connect } from 'node:net'
import { setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask } from './right.js'

/**
 * `node flood.js URL`: strangers without right credentials, on loopback, until standard input ends. A process of its own,
 * so that its work does not delay the clocks of the right clients. Prints what it was answered, as JSON.
 */

const url = process.argv[2] ?? ''
const { hostname, port } = new URL(url)
const PAUSE_MS = 10
const PIPELINED_REQUESTS = 100
/** How long a slow reader or a slow sender stays. */
const SLOW_MS = 6000
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

// Real strangers have machines of their own: what they do must not take our processor.
setPriority(10)

const answers = {}
let isOver = false
process.stdin.resume().on('end', () => isOver = true)

const count = (what) => answers[what] = (answers[what] ?? 0) + 1
const basic = (id) => ({ authorization: `Basic ${Buffer.from(`${id}:wrong`).toString('base64')}` })
const encoded = (content) => Buffer.from(JSON.stringify(content)).toString('base64url')
const form = (members) => new URLSearchParams({ grant_type: 'client_credentials', ...members }).toString()
const name = () => randomBytes(6).toString('hex')

/** An assertion whose signature is random. */
function assertion(id) {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: id, sub: id, aud: url, jti: randomUUID(), iat: now, exp: now + 3000 }
  return `${encoded({ alg: 'ES256', kid: 'signer' })}.${encoded(claims)}.${randomBytes(64).toString('base64url')}`
}

/** What is asked in a loop, by name: path, headers, body, and on how many connections. */
const REQUESTS = {
  'unknown ids': [4, () => ['/token', basic(name()), form({})]],
  'wrong secrets of a right client': [4, () => ['/token', basic('billing'), form({})]],
  'long names': [2, () => ['/token', {}, form({ client_id: name().padEnd(15_600, 'n'), client_secret: 'x' })]],
  'bad assertions of a right client': [4, () => {
    return ['/token', {}, form({ client_assertion_type: ASSERTION, client_assertion: assertion('signer') })]
  }],
  'bad assertions of unknown ids': [2, () => {
    return ['/token', {}, form({ client_assertion_type: ASSERTION, client_assertion: assertion(name()) })]
  }],
  'introspections': [2, () => ['/introspect', basic(name()), form({ token: assertion('billing') })]],
  'revocations': [2, () => ['/revoke', basic('billing'), form({ token: assertion('billing') })]],
  'long bodies': [1, () => ['/token', {}, 'x'.repeat(20_000)]],
  'unknown paths': [1, () => [`/${name()}`, {}, undefined]],
}

/** Sends requests of one kind, each after the answer to the one before. */
async function repeat(what, request) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  while (!isOver) {
    const [path, headers, body] = request()
    const { status } = await ask(`${url}${path}`, { agent, headers, body }).catch(() => ({ status: 'closed' }))
    count(`${what} ${status}`)
    await sleep(PAUSE_MS)
  }
  agent.destroy()
}

/** Pipelines requests and reads their answers. */
async function pipeline() {
  const one = `GET /.well-known/jwks.json HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`
  while (!isOver) {
    const last = one.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')
    await connection((socket) => socket.resume().write(one.repeat(PIPELINED_REQUESTS - 1) + last))
    count('pipelined')
    await sleep(PAUSE_MS)
  }
}

/** Pipelines requests and reads nothing. */
async function readSlowly() {
  while (!isOver) {
    await connection((socket) => socket.pause().write(`GET /jwks.json HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(2000)))
    count('slow readers')
  }
}

/** Sends a header a byte at a time. */
async function sendSlowly() {
  while (!isOver) {
    await connection((socket) => {
      socket.resume().write('POST /token HTTP/1.1\r\nHost: a\r\nX-A: ')
      const timer = setInterval(() => socket.write('x'), 500)
      socket.once('close', () => clearInterval(timer))
    })
    count('slow senders')
  }
}

/** Opens a connection, and resolves when it is closed, at the latest after `SLOW_MS`. */
function connection(use) {
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname).on('error', () => {})
    const timer = setTimeout(() => socket.destroy(), SLOW_MS)
    socket.once('close', () => {
      clearTimeout(timer)
      resolve(undefined)
    })
    use(socket)
  })
}

const times = (many, start) => Array.from({ length: many }, start)
const floods = Object.entries(REQUESTS).flatMap(([what, [many, request]]) => times(many, () => repeat(what, request)))
await Promise.all([...floods, ...times(2, pipeline), ...times(40, readSlowly), ...times(40, sendSlowly)])
console.log(JSON.stringify(answers))
