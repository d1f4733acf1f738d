import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type RunningApp, startApp } from '../support/app.ts'
import { assertCleanLog, assertNoPrivateMember } from '../support/leak.ts'
import { type Seeded, seeded } from '../support/random.ts'
import { exchange } from '../support/raw-socket.ts'
import { shareOf } from '../support/share.ts'
import { assertNothingUncaught } from '../support/uncaught.ts'

const SEED = 20_261_123
const STRUCTURED = shareOf(16_000)
const BROKEN = shareOf(4000)
const AT_ONCE = 16

let server: RunningApp
before(async () => {
  server = await startApp('--alg', 'ES256,EdDSA')
})
after(() => server.close())

const PATHS = [
  '/auth', '/auth', '/auth', '/auth?expired=true', '/jwks.json', '/.well-known/jwks.json',
  '/.well-known/openid-configuration', '/.well-known/oauth-authorization-server', '/healthz', '/readyz', '/',
  '/nothing', '/auth/', '/AUTH', '/__proto__', '/auth?expired=%zz', '/auth?a&a', '//x', '/../auth',
]
const METHODS = [
  'GET', 'POST', 'POST', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND', 'get', 'X',
]
const TYPES = [
  'application/json', 'application/x-www-form-urlencoded', 'text/plain', 'application/json; charset=utf-8',
  'application/json;charset=utf-16', ';', 'multipart/form-data; boundary=x',
]
const NAMES = [
  'sub', 'aud', 'scope', 'ttl', 'alg', 'username', 'password', 'iss', 'exp', 'iat', 'nbf', 'jti', '__proto__',
  'constructor', 'toString', '', 'ż', 'a.b', 'x'.repeat(300),
]
const STRAYS = [
  '\r\n', '\n', '\r', ' ', ':', '\u0000', '\u00ff', 'Transfer-Encoding: chunked\r\n', 'Content-Length: 5\r\n',
  'Host: a\r\n', '0\r\n\r\n', 'HTTP/1.0', '',
]

function odd(random: Seeded): string {
  return random.pick([
    '', 'a', '\u0000', '\r\nX-Evil: 1', '\u001b[31m', '%', '%00', '%ff', '../..', "' OR 1=1", '{{7*7}}', '<script>',
    'ż', '😀', '\ud800', 'eyJhbGciOiJub25lIn0.e30.', 'x'.repeat(random.int(1, 3000)), String(random.int(-5, 1e9)),
    '1e999', 'null', 'true', '[]',
  ])
}

function jsonValue(random: Seeded, depth = 0): unknown {
  const kind = random.int(0, depth > 3 ? 4 : 6)
  if (kind === 0) return null
  if (kind === 1) return random.int(-10, 5000)
  if (kind === 2) return random.real() * 1e18
  if (kind <= 4) return odd(random)
  const items = Array.from({ length: random.int(0, 4) }, () => jsonValue(random, depth + 1))
  return kind === 5 ? items : Object.fromEntries(items.map((item) => [random.pick(NAMES), item]))
}

function jsonBody(random: Seeded): string {
  const member = (): string => `${JSON.stringify(random.pick(NAMES))}:${JSON.stringify(jsonValue(random))}`
  const members = Array.from({ length: random.int(0, 5) }, member)
  const text = `{${members.join(',')}}`
  if (random.chance(0.7)) return text
  const at = random.int(0, text.length)
  return text.slice(0, at) + random.pick(['"', '}', ',', '\u0000', '\\u', '[[', '']) + text.slice(at + random.int(0, 3))
}

function formBody(random: Seeded): string {
  return Array.from({ length: random.int(0, 5) }, () => `${random.pick(NAMES)}=${odd(random)}`).join('&')
}

function latin(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** A request that is mostly well formed, with odd content. */
function structured(random: Seeded): string {
  const body = random.chance(0.2) ? '' : latin(random.chance(0.7) ? jsonBody(random) : formBody(random))
  const headers = [
    `Host: ${random.chance(0.9) ? 'localhost' : odd(random).replace(/[\r\n]/g, '')}`,
    ...(random.chance(0.8) ? [`Content-Type: ${random.pick(TYPES)}`] : []),
    ...(random.chance(0.3) ? [`Authorization: Basic ${Buffer.from(odd(random)).toString('base64')}`] : []),
    ...(random.chance(0.1) ? [`Origin: ${random.pick(['null', 'http://evil.example', 'http://localhost:8080'])}`] : []),
    ...(random.chance(0.1) ? [`Accept: ${random.pick(['application/jwk-set+json', '*/*', ';;', ','])}`] : []),
    ...(random.chance(0.1) ? [`If-None-Match: ${random.pick(['*', '"x"', 'W/', ',,', '"'.repeat(50)])}`] : []),
    ...(random.chance(0.05) ? ['Content-Encoding: gzip'] : []),
    ...(random.chance(0.05) ? ['Expect: 100-continue'] : []),
    ...(body === '' && random.chance(0.5) ? [] : [`Content-Length: ${body.length}`]),
    'Connection: close',
  ]
  return `${random.pick(METHODS)} ${random.pick(PATHS)} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n${body}`
}

/** A request with bytes changed, lines repeated or cut, anywhere. */
function broken(random: Seeded): string {
  let text = structured(random)
  for (let change = random.int(1, 4); change > 0; change -= 1) {
    const at = random.int(0, text.length)
    text = text.slice(0, at) + random.pick(STRAYS) + text.slice(at + random.int(0, 5))
  }
  // Ends what would otherwise wait for the rest of a body until it times out.
  return `${text}\r\n\r\n`
}

function hasAnswer(text: string): boolean {
  return /^HTTP\/1\.1 [2-5]/.test(text) && text.includes('\r\n\r\n')
}

async function sendAll(count: number, make: (random: Seeded) => string): Promise<ReadonlyMap<number, number>> {
  const random = seeded(SEED)
  const seen = new Map<number, number>()
  for (let sent = 0; sent < count; sent += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      const request = make(random)
      // What waits for more bytes is left after its first answer, or once it is clear that none comes.
      const { statuses, text } = await exchange(server.port, request, hasAnswer, 0.4)
      for (const status of statuses) seen.set(status, (seen.get(status) ?? 0) + 1)
      const bugs = statuses.filter((status) => status >= 500 && status !== 505)
      assert.deepEqual(bugs, [], `seed ${SEED}: ${JSON.stringify(request)}\n${text}`)
      assertNoPrivateMember(text, JSON.stringify(request))
      if (statuses.some((status) => status >= 200)) assert.match(text, /^x-content-type-options: nosniff\r$/im)
      assert.doesNotMatch(text, /[\u0000\u001b]|^x-evil/im, JSON.stringify(request))
    }))
  }
  return seen
}

describe('generated requests', () => {
  it(`D13 meet no bug and end no process: ${STRUCTURED} with odd content`, async (context) => {
    const seen = await sendAll(STRUCTURED, structured)
    context.diagnostic([...seen].toSorted().map(([status, count]) => `${status}: ${count}`).join(', '))
    for (const status of [200, 204, 400, 404, 405, 415]) {
      assert.ok((seen.get(status) ?? 0) > 20, `${status} was seldom reached`)
    }
  })

  it(`D13 meet no bug and end no process: ${BROKEN} with broken bytes`, async (context) => {
    const seen = await sendAll(BROKEN, broken)
    context.diagnostic([...seen].toSorted().map(([status, count]) => `${status}: ${count}`).join(', '))
    assert.ok((seen.get(400) ?? 0) > BROKEN / 4)
  })

  it('A9, D10 left no fault, no token and no private member in the log', async () => {
    assert.deepEqual(server.faults, [])
    assertNothingUncaught()
    assert.ok(server.events.some(({ name }) => name === 'token.minted'))
    assertCleanLog(JSON.stringify(server.events), 'the log')
    assert.equal((await fetch(`${server.url}/readyz`)).status, 200)
  })
})
