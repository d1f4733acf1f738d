import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createSign, generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { printable } from '../../src/core/printable.ts'
import { seconds, instant } from '../../src/core/time.ts'
import { lengthInWords, momentInWords } from '../../src/cli/relative.ts'
import { decodeToken } from '../../src/cli/token-decode.ts'
import { newFolder } from '../support/folder.ts'
import { end, type Finished, run, serve, SERVER, type ServerProcess } from '../support/process.ts'

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const PUBLIC: JsonWebKey = { ...ec.publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256' }
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token by our key, whatever it says. */
function jwt(claims: object, header: object = {}): string {
  const input = `${encoded({ alg: 'ES256', kid: 'one', ...header })}.${encoded(claims)}`
  return `${input}.${createSign('SHA256').update(input).sign({ key: ec.privateKey, dsaEncoding: 'ieee-p1363' }, 'base64url')}`
}

function json(response: ServerResponse, value: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(typeof value === 'string' ? value : JSON.stringify(value))
}

/** Runs without the check of output for tokens: here they are what is wanted. */
const token = (...args: readonly string[]): Promise<Finished> => withInput('', 'token', ...args)
const NOW = Math.floor(Date.now() / 1000)

/** A server of one test: right metadata unless `answer` takes the request itself. */
async function issuer(answer: (url: string, response: ServerResponse, self: string) => boolean): Promise<{ url: string; server: Server }> {
  const listener: RequestListener = ({ url = '' }, response) => {
    if (answer(url, response, self)) return
    if (url.endsWith('openid-configuration')) json(response, { issuer: self, jwks_uri: `${self}/keys` })
    else json(response, { keys: [PUBLIC] }, { age: '90' })
  }
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const self = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  after(() => { server.closeAllConnections(); server.close() })
  return { url: self, server }
}

describe('jwksd token beside a development server', () => {
  let server: ServerProcess
  let minted = ''
  before(async () => {
    server = await serve([])
    const got = await token('mint', '--url', server.url, '--sub', 'alice', '--scope', 'read', '--ttl', '5m')
    assert.equal(got.code, 0, got.stderr)
    minted = got.stdout.trim()
  })
  after(() => end(server))

  it('mints a token for a shell variable, and nothing else', () => assert.match(minted, /^eyJ[\w.-]+$/))

  it('decodes it with times in words, and says that nothing is verified', async () => {
    const { stdout, code } = await token('decode', minted)
    assert.equal(code, 0)
    for (const wanted of [/sub: "alice"/, /scope: "read"/, /exp: \d+  \S+Z, in [45] min/, /Not verified/]) assert.match(stdout, wanted)
  })

  it('verifies it, and says which key and how old the set is', async () => {
    const { stdout, code } = await token('verify', minted, '--url', server.url, '--audience', 'api')
    assert.equal(code, 0)
    for (const wanted of [/^Valid: signed by [\w-]{43} \(RS256\), expires in /, /aud is right/, /2 keys, fetched just now/]) {
      assert.match(stdout, wanted)
    }
  })

  it('refuses what is refused at /auth, with its words', async () => {
    const { stderr, code } = await token('mint', '--url', server.url, '--ttl', '9000d')
    assert.equal(code, 78, stderr)
    const long = await token('mint', '--url', server.url, '--ttl', '2h')
    assert.deepEqual([long.code, long.stdout], [1, ''])
    assert.match(long.stderr, /answers 400: .*ttl/)
  })

  for (const [name, reason] of [['expired', 'exp'], ['alg-none', 'alg'], ['issuer-wrong', 'iss']] as const) {
    it(`says why a bad token is refused: ${reason}`, async () => {
      const answer = await fetch(`${server.url}/auth?case=${name}`, { method: 'POST' })
      const { token: bad } = await answer.json() as { token: string }
      const { stdout, code } = await token('verify', bad, '--url', server.url, '--json')
      assert.deepEqual([code, (JSON.parse(stdout) as { reason: string }).reason], [1, reason])
    })
  }
})

describe('A server', () => {
  it('loads no file of the commands', async () => {
    const folder = newFolder()
    await end(await serve([], { NODE_V8_COVERAGE: folder }))
    const loaded = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8')).join('')
    assert.match(loaded, /dist\/serve\/serve\.js/)
    assert.doesNotMatch(loaded, /dist\/cli\//)
  })
})

describe('jwksd token mint --client', () => {
  it('gets a token with a secret from a file or standard input, never from an argument', async () => {
    const folder = newFolder()
    const clients = join(folder, 'clients.json')
    const added = await run(['client', 'add', 'shop', '--clients', clients, '--audience', 'api'])
    const [, secret = ''] = /client_secret: (\S+)/.exec(added.stdout) ?? []
    const file = join(folder, 'secret')
    writeFileSync(file, `${secret}\n`, { mode: 0o600 })
    const server = await serve(['--clients', clients])
    const args = ['mint', '--url', server.url, '--client', 'shop']
    const got = await token(...args, '--secret-file', file)
    assert.equal(got.code, 0, got.stderr)
    assert.equal((await token('verify', got.stdout.trim(), '--url', server.url, '--audience', 'api')).code, 0)
    assert.match((await withInput(secret, 'token', ...args, '--secret-file', '-')).stdout, /^eyJ/)
    writeFileSync(file, 'wrong')
    const wrong = await token(...args, '--secret-file', file)
    assert.equal(wrong.code, 1)
    assert.match(wrong.stderr, /invalid_client/)
    const typed = await token(...args, '--secret', secret)
    assert.deepEqual([typed.code, typed.stderr.includes(secret)], [78, false])
    chmodSync(file, 0o644)
    assert.equal((await token(...args, '--secret-file', file)).code, 78)
    await end(server)
  })

  it('sends a secret to no other origin than that of the issuer', async () => {
    const asked: string[] = []
    const thief = await issuer((url, response) => { asked.push(url); json(response, {}); return true })
    const { url } = await issuer((path, response, self) => {
      if (path.endsWith('openid-configuration')) json(response, { issuer: self, token_endpoint: `${thief.url}/token` })
      return path.endsWith('openid-configuration')
    })
    const got = await withInput('secret', 'token', 'mint', '--url', url, '--client', 'shop', '--secret-file', '-')
    assert.deepEqual([got.code, asked], [69, []])
    assert.match(got.stderr, /another origin/)
  })

  it('prints nothing that a terminal would obey', async () => {
    const { url } = await issuer((_path, response) => { json(response, { token: 'a\u001b[2Jb' }); return true })
    const got = await token('mint', '--url', url)
    assert.deepEqual([got.code, got.stdout], [69, ''])
  })
})

describe('jwksd token verify', () => {
  const right = { iss: '', aud: 'api', exp: NOW + 600, iat: NOW }
  const refusals: readonly (readonly [string, object, object, RegExp])[] = [
    ['expiry', { exp: NOW - 125 }, {}, /expired 2 min/],
    ['a missing expiry', { exp: undefined }, {}, /exp is missing/],
    ['the audience', { aud: ['other'] }, {}, /aud is \["other"\] but must be or hold "api"/],
    ['the issuer', { iss: 'https://other' }, {}, /iss is "https:\/\/other" but must be "http/],
    ['a clock', { iat: NOW + 1000 }, {}, /iat lies ahead \(in 1[56] min .*clocks/],
    ['the type', {}, { typ: 'logout+jwt' }, /typ is "logout\+jwt"/],
    ['an unknown kid', {}, { kid: 'two\u001b[31m\u202e' }, /kid "two\\u001b\[31m\\u202e" is not published\. Published: one \(ES256\)/],
    ['an algorithm that is not the key\'s', {}, { alg: 'HS256' }, /says alg "HS256", the key is for ES256/],
    ['no algorithm', {}, { alg: 'none' }, /says alg "none", the key is for ES256/],
    ['a signature', {}, { extra: 1 }, /signature is not by the key one/],
  ]
  for (const [what, claims, header, expected] of refusals) {
    it(`says that ${what} is why`, async () => {
      const { url } = await issuer(() => false)
      const made = jwt({ ...right, iss: url, ...claims }, header)
      const sent = what === 'a signature' ? made.replace(/\.[^.]*$/, (last) => `.${'A'.repeat(last.length - 1)}`) : made
      const { code, stderr } = await token('verify', sent, '--url', url, '--audience', 'api')
      assert.equal(code, 1, stderr)
      assert.match(stderr, expected)
      assert.match(stderr, /key set: .*\/keys, 1 keys, 1 min 30 s old/)
      assert.doesNotMatch(stderr, /[\u001b\u202e]/)
    })
  }

  const hostile: readonly (readonly [string, (url: string, response: ServerResponse, self: string) => boolean, RegExp])[] = [
    ['a redirect', (_url, response, self) => { response.writeHead(302, { location: `${self}/keys` }).end(); return true }, /redirect/],
    ['no JSON', (_url, response) => { response.writeHead(200, { 'content-type': 'text/html' }).end('{}'); return true }, /text\/html, not JSON/],
    ['an endless answer', (_url, response) => { endless(response); return true }, /larger than 262144 bytes/],
    ['a duplicate member', (_url, response, self) => { json(response, `{"issuer":"${self}","issuer":"${self}"}`); return true }, /issuer appears twice/],
    ['another issuer', (_url, response) => { json(response, { issuer: 'https://a.example\u001b[1m' }); return true }, /of the issuer "https:\/\/a\.example\\u001b\[1m"/],
    ['keys by http from elsewhere', (_url, response, self) => { json(response, { issuer: self, jwks_uri: 'http://a.example/' }); return true }, /jwks_uri of its metadata must begin with https/],
    ['a private half', (url, response) => setOf(url, response, [{ ...PUBLIC, d: 'AAAA' }]), /secret member "d"/],
    ['a shared secret', (url, response) => setOf(url, response, [{ kty: 'oct', k: 'AAAA', kid: 'one', alg: 'HS256' }]), /secret member "k"/],
    ['too many keys', (url, response) => setOf(url, response, Array.from({ length: 101 }, () => PUBLIC)), /more than 100 keys/],
    ['silence', () => true, /did not answer within 5 s/],
    ['no page', (_url, response) => { response.writeHead(404).end(); return true }, /answers 404\. Is the URL right/],
  ]
  for (const [what, answer, expected] of hostile) {
    it(`does not believe a server that answers with ${what}`, async () => {
      const { url } = await issuer(answer)
      const got = await token('verify', jwt({ ...right, iss: url }), '--url', url, '--json')
      assert.equal(got.code, 69, got.stdout)
      assert.match((JSON.parse(got.stdout) as { message: string }).message.replaceAll('\u001b', '\\u001b'), expected)
      assert.equal(got.stdout.includes('\u001b'), false)
    })
  }

  it('reads a saved set and a token from standard input', async () => {
    const file = join(newFolder(), 'set.json')
    writeFileSync(file, JSON.stringify({ keys: [PUBLIC] }))
    const made = jwt({ ...right, iss: 'https://a.example' })
    const got = await withInput(`${made}\n`, 'token', 'verify', '-', '--keys', file, '--issuer', 'https://a.example')
    assert.equal(got.code, 0, got.stderr)
    assert.match(got.stdout, /Valid: signed by one/)
    assert.equal((await withInput('a'.repeat(70_000), 'token', 'verify', '-', '--keys', file)).code, 1)
  })

  const misuses: readonly (readonly string[])[] = [
    ['verify'], ['verify', 'a.b.c', '--keys', 'x'], ['mint', '--client', 'x', '--url', 'http://127.0.0.1:1'],
    ['decode', 'x', '--url', 'https://a'], ['mint', 'x', '--url', 'https://a'], ['mint'],
    ['mint', '--url', 'http://a.example'], ['mint', '--url', 'https://u:p@a.example'], ['bogus'], ['decode', 'x', '--bogus'],
  ]
  for (const args of misuses) {
    it(`answers wrong use in JSON too: ${args.join(' ')}`, async () => {
      const got = await token(...args, '--json')
      // The form of the token is judged before keys are looked for.
      assert.equal(got.code, args[1] === 'a.b.c' ? 1 : 78, got.stderr)
      assert.equal((JSON.parse(got.stdout) as { ok: boolean }).ok, false)
    })
  }
})

describe('decodeToken()', () => {
  it('shows nothing raw of a hostile token', () => {
    const claims = { '\u009b31m': '\u202e\u200b\u2066\u00a0\u{e0041}', exp: 1e15, nested: [[['\u0007']]] }
    const { exit, lines } = decodeToken(`${encoded({ alg: 'none' })}.${encoded(claims)}.`, instant(0))
    assert.equal(exit, 0)
    assert.doesNotMatch(lines.join('\n').replaceAll(/[ \n]/g, ''), /[\p{C}\p{Z}]/u)
  })

  for (const bad of ['', 'a', 'a.b', 'a.b.c', '....', `${encoded({})}.x=.y`, `${encoded([])}.${encoded({})}.`, `${'['.repeat(9999)}..`]) {
    it(`refuses ${bad.slice(0, 20)}`, () => assert.equal(decodeToken(bad, instant(0)).exit, 1))
  }
})

describe('words', () => {
  it('says lengths in two units', () => {
    const said = [0, 0.4, 59, 60, 125, 3600, 3605, 187_200].map((length) => lengthInWords(seconds(length)))
    assert.deepEqual(said, ['0 s', '0 s', '59 s', '1 min', '2 min 5 s', '1 h', '1 h', '2 d 4 h'])
    assert.deepEqual([momentInWords(instant(10), instant(0)), momentInWords(instant(0), instant(10))], ['in 10 s', '10 s ago'])
  })

  it('cannot be split into lines by others', () => assert.equal(printable('a\nValid'), 'a\\u000aValid'))

  it('leaves the text of all languages as it is', () => assert.equal(printable('Grüße 日本 𝒜'), 'Grüße 日本 𝒜'))
})

function setOf(url: string, response: ServerResponse, keys: readonly object[]): boolean {
  if (url !== '/keys') return false
  json(response, { keys })
  return true
}

function endless(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  let isOpen = true
  response.on('close', () => isOpen = false)
  // With a turn of the event loop between two writes: on Node 26 one to a closed connection calls back at once.
  const more = (): void => { if (isOpen) response.write(' '.repeat(65_536), () => setImmediate(more)) }
  more()
}

async function withInput(input: string, ...args: readonly string[]): Promise<Finished> {
  const child = spawn(process.execPath, [SERVER, ...args])
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => output.stdout += chunk.toString())
  child.stderr.on('data', (chunk: Buffer) => output.stderr += chunk.toString())
  child.stdin.on('error', () => {}).end(input)
  const [code] = await once(child, 'close') as [number]
  return { code, ...output }
}
