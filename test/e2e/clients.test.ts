import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import {
  chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { newFolder } from '../support/folder.ts'
import { ASSERTION, basic, client, newParty } from '../support/oauth.ts'
import { end, run, serve } from '../support/process.ts'
import { someOf } from '../support/share.ts'

const folder = newFolder()
const file = join(folder, 'clients.json')
const add = (...args: readonly string[]): ReturnType<typeof run> => run(['client', 'add', ...args, '--clients', file])
const secretIn = (output: string): string => /client_secret: (\S+)/.exec(output)?.[1] ?? ''
const isRoot = process.getuid?.() === 0
const CC = new URLSearchParams({ grant_type: 'client_credentials' })

const WITH_KEYS = ['--audience', 'api', '--auth', 'private_key_jwt']

describe('jwksd client add', () => {
  let first = ''
  it('makes the file, with the hash of a secret that it prints once', async () => {
    const { code, stdout } = await add('billing', '--audience', 'api,other', '--scope', 'read write')
    first = secretIn(stdout)
    assert.deepEqual([code, first.length], [0, 43])
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.ok(!readFileSync(file, 'utf8').includes(first))
  })

  it('gives a client a second secret, and takes the oldest of three away', async () => {
    const second = secretIn((await add('billing', '--rotate')).stdout)
    const server = await serve(['--alg', 'ES256', '--clients', file])
    const status = async (secret: string): Promise<number> =>
      (await fetch(`${server.url}/token`, { method: 'POST', body: CC, headers: basic('billing', secret) })).status
    assert.deepEqual([await status(first), await status(second)], [200, 200])
    const third = secretIn((await add('billing', '--rotate')).stdout)
    // The file is looked at every second; a signal is faster.
    const loaded = new Promise<void>((resolve) => server.child.stdout?.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('clients.loaded')) resolve()
    }))
    server.child.kill('SIGHUP')
    await loaded
    assert.deepEqual([await status(first), await status(second), await status(third)], [401, 200, 200])
    const { code, stdout } = await end(server)
    assert.equal(code, 0)
    for (const secret of [first, second, third]) assert.ok(!stdout.includes(secret))
  })

  it('registers keys in place of a secret', async () => {
    const keys = join(folder, 'public.json')
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    writeFileSync(keys, JSON.stringify(publicKey.export({ format: 'jwk' })))
    const { code, stdout } = await add('keeper', ...WITH_KEYS, '--jwks', keys)
    assert.deepEqual([code, stdout], [0, 'client_id:     keeper\n'])
    assert.equal((await add('remote', ...WITH_KEYS, '--jwks-uri', 'https://a.example/jwks')).code, 0)
  })

  it('E23 registers no private half', async () => {
    const keys = join(folder, 'both.json')
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pair = [publicKey, privateKey].map((key) => key.export({ format: 'jwk' }))
    for (const content of [{ keys: pair }, pair[1]]) {
      writeFileSync(keys, JSON.stringify(content))
      const { code, stderr } = await add('leak', ...WITH_KEYS, '--jwks', keys)
      assert.equal(code, 78)
      assert.match(stderr, /jwks must hold public keys alone: it has the private "d"/)
    }
    assert.ok(!readFileSync(file, 'utf8').includes('"d"'))
  })

  it('E19 keeps a link to the file, and the mode of the file', async () => {
    const place = newFolder()
    const [target, link] = [join(place, 'target'), join(place, 'clients.json')]
    writeFileSync(target, '{"clients":[]}')
    chmodSync(target, 0o640)
    symlinkSync('target', link)
    assert.equal((await run(['client', 'add', 'shop', '--audience', 'api', '--clients', link])).code, 0)
    assert.equal(readlinkSync(link), 'target')
    assert.match(readFileSync(target, 'utf8'), /shop/)
    assert.equal(statSync(target).mode & 0o777, 0o640)
    assert.deepEqual(readdirSync(place).toSorted(), ['clients.json', 'target'])
  })

  it('E19 refuses at once what is no file, or what others could have put there', async () => {
    const place = newFolder()
    const [pipe, open] = [join(place, 'pipe'), join(place, 'open')]
    execFileSync('mkfifo', ['-m', '600', pipe])
    mkdirSync(open)
    chmodSync(open, 0o777)
    const shared = join(place, 'shared')
    writeFileSync(shared, '{"clients":[]}')
    chmodSync(shared, 0o666)
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [['--audience', 'api', '--clients', pipe], /Cannot use .*pipe: it is not a regular file/],
      [['--audience', 'api', '--clients', join(open, 'clients.json')], /others can write the folder .*open\./],
      [['--audience', 'api', '--clients', shared], /group or others can write it/],
      [['--clients', file, ...WITH_KEYS, '--jwks', pipe], /Cannot use .*pipe: it is not a regular file/],
    ]
    for (const [args, problem] of cases) {
      const { code, stderr } = await run(['client', 'add', 'planted', ...args])
      assert.equal(code, 78)
      assert.match(stderr, problem)
    }
    assert.deepEqual([readdirSync(open), readFileSync(shared, 'utf8')], [[], '{"clients":[]}'])
  })

  it('E19 leaves the file of a server to that server, when root adds a client', { skip: !isRoot }, async () => {
    const place = newFolder()
    const path = join(place, 'clients.json')
    writeFileSync(path, '{"clients":[]}', { mode: 0o600 })
    chownSync(path, 65_534, 65_533)
    assert.equal((await run(['client', 'add', 'shop', '--audience', 'api', '--clients', path])).code, 0)
    const { uid, gid, mode } = statSync(path)
    assert.deepEqual([uid, gid, mode & 0o777], [65_534, 65_533, 0o600])
    const { code, stderr } = await run(['--port', '0', '--alg', 'ES256', '--clients', path])
    assert.equal(code, 78, 'root serves for whoever may write a file in its folder')
    assert.match(stderr, /user 65534 owns it/)
  })

  it('refuses what would not be right, and leaves the file as it was', async () => {
    const before = readFileSync(file, 'utf8')
    const refused: readonly (readonly [readonly string[], RegExp])[] = [
      [['billing', '--audience', 'api'], /is registered already\. Use --rotate/],
      [['new'], /--audience is not set/],
      [['new', '--rotate'], /is not registered with a secret/],
      [['keeper', '--rotate'], /is not registered with a secret/],
      [['new', '--audience', 'api', '--auth', 'none'], /would not be valid/],
      [['new', ...WITH_KEYS, '--jwks-uri', 'http://a.example'], /jwks_uri must be an https URL/],
      [['new', ...WITH_KEYS, '--jwks', join(folder, 'missing')], /does not exist/],
      [['ne w', '--audience', 'api'], /client_id must be/],
    ]
    for (const [args, message] of someOf(refused, 3)) {
      const { code, stderr } = await add(...args)
      assert.deepEqual([code, message.test(stderr)], [78, true], stderr)
    }
    assert.equal(readFileSync(file, 'utf8'), before)
    assert.match((await run(['client', 'add', 'x'])).stderr, /--clients is not set/)
  })

  it('stops a start with a file that is not right, not there, or that others can write', async () => {
    const other = join(folder, 'other.json')
    assert.match((await run(['--clients', other])).stderr, /Cannot use the clients in .*: the system says ENOENT/)
    writeFileSync(other, '{"clients":[{}]}')
    chmodSync(other, 0o622)
    assert.match((await run(['--clients', other])).stderr, /group or others can write it/)
    chmodSync(other, 0o644)
    const wrong = await run(['--port', '0', '--alg', 'ES256', '--clients', other])
    assert.deepEqual([wrong.code, /audiences must be a list/.test(wrong.stderr)], [78, true], wrong.stderr)
  })
})

describe('what was used up or taken back', () => {
  it('B16 is known to every replica, and after a crash', async () => {
    const place = newFolder()
    const clients = join(place, 'clients.json')
    const party = newParty()
    const keeper = client('keeper', {
      token_endpoint_auth_method: 'private_key_jwt', client_secret_hashes: undefined, jwks: { keys: [party.jwk] },
    })
    writeFileSync(clients, JSON.stringify({ clients: [client('plain'), keeper] }), { mode: 0o600 })
    // One issuer for all of them: each listens on a port of its own.
    const issuer = 'http://localhost:9'
    const store = ['--store', `file:${join(place, 'ring.json')}`, '--unsealed']
    const args = ['--alg', 'ES256', '--issuer', issuer, '--clients', clients, ...store]
    const first = await serve(args)
    const second = await serve(args)
    const post = async (url: string, form: Readonly<Record<string, string>>, headers = {}): Promise<string> =>
      await (await fetch(url, { method: 'POST', body: new URLSearchParams(form), headers })).text()
    const now = Math.floor(Date.now() / 1000)
    const assertion = party.token({}, { iss: 'keeper', sub: 'keeper', aud: issuer, exp: now + 120, jti: 'once' })
    const form = { grant_type: 'client_credentials', client_assertion_type: ASSERTION, client_assertion: assertion }
    const minted = await post(`${first.url}/token`, form)
    assert.match(minted, /access_token/)
    assert.match(await post(`${second.url}/token`, form), /invalid_client/)
    const plain = await post(`${first.url}/token`, { grant_type: 'client_credentials' }, basic('plain'))
    const { access_token: token } = JSON.parse(plain) as { access_token: string }
    assert.match(await post(`${second.url}/introspect`, { token }, basic('plain')), /"active":true/)
    await post(`${first.url}/revoke`, { token }, basic('plain'))
    await Promise.all([end(first, 'SIGKILL'), end(second, 'SIGKILL')])
    const third = await serve(args)
    assert.match(await post(`${third.url}/token`, form), /invalid_client/)
    assert.equal(await post(`${third.url}/introspect`, { token }, basic('plain')), '{"active":false}\n')
    await end(third)
  })
})
