import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { newFolder } from '../support/folder.ts'
import { newKek } from '../support/kek.ts'
import { assertCleanLog } from '../support/leak.ts'
import { end, run, serve, type ServerProcess } from '../support/process.ts'
import { someOf } from '../support/share.ts'

const FAST = ['--alg', 'ES256', '--preset', 'fast']

interface ListedKey {
  readonly kid: string
  readonly state: string
}

/** The keys that `jwksd keys --json` lists. */
async function keys(...where: readonly string[]): Promise<readonly ListedKey[]> {
  const { code, stdout, stderr } = await run(['keys', '--json', ...where])
  assert.equal(code, 0, stderr)
  return (JSON.parse(stdout) as { keys: readonly ListedKey[] }).keys
}

const kidOf = (list: readonly ListedKey[], state: string): string => list.find((key) => key.state === state)?.kid ?? ''

async function getJson(url: string): Promise<any> {
  return await (await fetch(url)).json()
}

/** Whether the token verifies under the JWK, by Node's own crypto. */
function isSigned(token: string, jwk: object): boolean {
  const [header, payload, signature = ''] = token.split('.')
  const key = { key: createPublicKey({ format: 'jwk', key: jwk as never }), dsaEncoding: 'ieee-p1363' } as const
  return verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'))
}

describe('jwksd kek', () => {
  it('prints 32 bytes, or writes them to a new file that its owner alone can read', async () => {
    const { stdout } = await run(['kek'])
    assert.equal(Buffer.from(stdout.trim(), 'base64url').length, 32)
    const path = join(newFolder(), 'kek')
    assert.deepEqual(await run(['kek', path]), { code: 0, stdout: '', stderr: '' })
    assert.equal(statSync(path).mode & 0o777, 0o600)
    const before = readFileSync(path, 'utf8')
    const again = await run(['kek', path])
    assert.equal(again.code, 1)
    assert.match(again.stderr, /^jwksd: Cannot make .*EEXIST \(open\)\n$/)
    assert.equal(readFileSync(path, 'utf8'), before)
  })
})

describe('a server with a sealed file', () => {
  let folder: string
  let args: readonly string[]
  let admin: readonly string[]
  let server: ServerProcess
  let token: string
  before(async () => {
    folder = newFolder()
    admin = ['--admin', `unix:${join(folder, 'admin.sock')}`]
    const sealed = ['--store', `file:${join(folder, 'ring.json')}`, '--kek-file', newKek(folder)]
    args = [...FAST, ...sealed, '--audit', join(folder, 'audit.log'), ...admin]
    server = await serve(args)
  })
  after(() => server.child.kill('SIGKILL'))

  it('says that its keys are sealed, and lets caches keep them', async () => {
    const ready = await getJson(`${server.url}/readyz`)
    assert.deepEqual([ready.status, ready.keys, ready.audit], ['ready', 'sealed', 'written'])
    const { headers } = await fetch(`${server.url}/jwks.json`)
    assert.equal(headers.get('cache-control'), 'public, max-age=29, must-revalidate, stale-while-revalidate=0')
  })

  it('lists its keys as a table and as JSON', async () => {
    const { stdout } = await run(['keys', ...admin])
    assert.match(stdout, /^kid +alg +state +since +next +at +removed\n/)
    assert.match(stdout, /\n[\w-]{43}  ES256  active   20\d\d-\d\d-\d\dT[\d:]{8}Z  retired  20\d\d-/)
    assert.deepEqual((await keys(...admin)).map(({ state }) => state), ['active', 'standby'])
  })

  it('refuses to rotate while a cache may lack the standby, says until when, and changes nothing', async () => {
    const before = await keys(...admin)
    const { code, stdout, stderr } = await run(['rotate', ...admin])
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /^jwksd: .*safe from 20\d\d-\d\d-\d\dT[\d:.]+Z on\n$/)
    assert.deepEqual(await keys(...admin), before)
  })

  it('rotates when forced, for a reason', async () => {
    token = (await getPost(`${server.url}/auth`)).token
    const without = await run(['rotate', '--force', ...admin])
    assert.deepEqual([without.code, without.stderr], [78, 'jwksd: --force needs --reason TEXT\n'])
    const before = await keys(...admin)
    const { code, stdout } = await run(['rotate', '--force', '--reason', 'a drill', ...admin])
    assert.equal(code, 0)
    assert.match(stdout, /retired/)
    const now = await keys(...admin)
    assert.equal(kidOf(now, 'active'), kidOf(before, 'standby'))
    assert.equal(kidOf(now, 'retired'), kidOf(before, 'active'))
    assert.ok(kidOf(now, 'standby') !== '')
    assert.equal((await getPost(`${server.url}/auth`)).kid, kidOf(now, 'active'))
  })

  it('keeps its keys through kill -9, and its tokens stay good', async () => {
    const jwks = await (await fetch(`${server.url}/jwks.json`)).text()
    await end(server, 'SIGKILL')
    assert.ok(existsSync(join(folder, 'admin.sock')), 'the kill left the socket behind')
    server = await serve(args)
    const again = await (await fetch(`${server.url}/jwks.json`)).json() as { keys: readonly { kid: string }[] }
    assert.deepEqual(again, JSON.parse(jwks))
    const { kid } = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }
    assert.ok(isSigned(token, again.keys.find((key) => key.kid === kid) ?? {}))
  })

  it('revokes a key at once, tells the exposure, and keeps its public half in the history', async () => {
    const before = await keys(...admin)
    const kid = kidOf(before, 'retired')
    const without = await run(['revoke', kid, ...admin])
    assert.equal(without.code, 78)
    const { code, stdout } = await run(['revoke', kid, '--reason', 'laptop stolen', ...admin])
    assert.equal(code, 0)
    assert.match(stdout, /may still accept tokens of the key for 30 s/)
    assert.ok(!(await (await fetch(`${server.url}/jwks.json`)).text()).includes(kid))
    const stored = readFileSync(join(folder, 'ring.json'), 'utf8')
    assert.ok(!stored.includes(`"kid":"${kid}","use":"sig","alg":"ES256"},"sealed"`))
    const history = await getJson(`${server.url}/.well-known/jwks-history.json`)
    const past = history.keys.find((key: { jwk: { kid: string } }) => key.jwk.kid === kid)
    assert.deepEqual([past.state, past.why, past.reason], ['removed', 'revoked', 'laptop stolen'])
    assert.ok(past.active_from <= past.active_to && past.active_to <= past.removed_at)
    assert.ok(isSigned(token, past.jwk), 'an old token can still be checked with the history')
    assert.deepEqual(history.keys.map(({ state }: ListedKey) => state), ['removed', 'active', 'standby'])
    const twice = await run(['revoke', kid, '--reason', 'again', ...admin])
    assert.deepEqual([twice.code, twice.stderr], [1, 'jwksd: The key is in the history already\n'])
  })

  it('takes a KID that starts like an option behind two dashes', async () => {
    const { code, stderr } = await run(['revoke', '--reason', 'x', ...admin, '--', '-unheard-of'])
    assert.equal(code, 1)
    assert.match(stderr, /^jwksd: -unheard-of is the beginning of no key\. Use one of [\w-]{43}, /)
  })

  it('takes the beginning of a KID, and keeps the rules of a revocation', async () => {
    const kid = kidOf(await keys(...admin), 'active')
    const { code, stderr } = await run(['revoke', '--reason', 'x', ...admin, '--', kid.slice(0, 8)])
    const whole = await run(['revoke', '--reason', 'x', ...admin, '--', kid])
    assert.deepEqual([code, stderr], [whole.code, whole.stderr])
    assert.equal(code, 1)
    assert.doesNotMatch(stderr, /beginning/)
  })

  it('shares its file with a second server, which sees a rotation within R', async () => {
    const second = await serve([...args.filter((_, at) => at < args.indexOf('--audit'))])
    const jwks = async ({ url }: ServerProcess): Promise<string> => await (await fetch(`${url}/jwks.json`)).text()
    assert.equal(await jwks(second), await jwks(server))
    assert.equal((await run(['rotate', '--force', '--reason', 'seen by two', ...admin])).code, 0)
    const kid = kidOf(await keys(...admin), 'active')
    const deadline = performance.now() + 5000
    const active = async (): Promise<string> => (await getPost(`${second.url}/auth`)).kid
    while (await active() !== kid && performance.now() < deadline) await setTimeout(50)
    assert.equal((await getPost(`${second.url}/auth`)).kid, kid)
    await end(second)
  })

  it('ends with a closed audit log that names every order and no subject, and answers for it', async () => {
    await postJson(`${server.url}/auth`, '{"sub":"alice@example"}')
    const history = join(folder, 'history.json')
    writeFileSync(history, await (await fetch(`${server.url}/.well-known/jwks-history.json`)).text())
    const path = join(folder, 'audit.log')
    const running = await run(['audit', 'verify', path])
    assert.equal(running.code, 1)
    assert.match(running.stderr, /is the last, but not a checkpoint/)
    assert.equal((await run(['audit', 'verify', path, '--open'])).code, 0)
    const { stdout } = await end(server)
    const head = JSON.parse(stdout.split('\n').findLast((line) => line.includes('"audit.checkpoint"')) ?? '')
    assert.ok(!existsSync(join(folder, 'admin.sock')))
    const whole = await run(['audit', 'verify', path, '--keys', history, '--head', `${head.seq}:${head.head}`])
    assert.equal(whole.code, 0, whole.stderr)
    const [records, signed, unsigned] = whole.stdout.split('\n')
    assert.match(records ?? '', /records, none altered, removed, inserted or moved$/)
    assert.match(signed ?? '', /^signed up to record \d+ by [\w-]{43}$/)
    assert.match(unsigned ?? '', /^records \d+ to \d+ were not signed when a server started on them/)
    const text = readFileSync(path, 'utf8')
    for (const wanted of [
      '"config.loaded"', '"key.revoked"', '"reason":"laptop stolen"', '"reason":"a drill"', '"operator.refused"',
      '"token.minted"', '"server.stopped"',
    ]) assert.ok(text.includes(wanted), wanted)
    assert.ok(!text.includes('alice'))
    const lines = text.split('\n')
    writeFileSync(path, lines.toSpliced(4, 1).join('\n'))
    const cut = await run(['audit', 'verify', path])
    assert.deepEqual([cut.code, cut.stderr], [1, `jwksd: ${path}: record 5 was removed\n`])
    const nowhere = join(folder, 'nowhere')
    const missing = await run(['audit', 'verify', nowhere])
    assert.equal(missing.stderr, `jwksd: Cannot read ${nowhere}: the system says ENOENT (open)\n`)
    assert.equal(missing.code, 1)
  })
})

async function postJson(url: string, body: string): Promise<void> {
  await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
}

async function getPost(url: string): Promise<any> {
  return await (await fetch(url, { method: 'POST' })).json()
}

describe('a server that cannot use its files', () => {
  it('exits with 78, says which and why, and leaves the file as it is', async () => {
    const folder = newFolder()
    const [kek, other] = [newKek(folder), newKek(folder, 'other')]
    const ring = join(folder, 'ring.json')
    const sealed = ['--store', `file:${ring}`, '--kek-file', kek]
    await end(await serve([...FAST, ...sealed]))
    const whole = readFileSync(ring, 'utf8')
    const cases: readonly (readonly [string, string, readonly string[], RegExp])[] = [
      ['truncated', whole.slice(0, 300), sealed, /Cannot read the document: it is malformed JSON.*\(damaged\)/],
      ['empty', '', sealed, /\(damaged\)/],
      ['edited', whole.replace('"maxTtl":20', '"maxTtl":10'), sealed, /it was edited after it was written \(altered\)/],
      ['of a newer format', whole.replace('"format":1', '"format":9'), sealed,
        /Cannot read format 9: a later jwksd wrote it.*\(newer_format\)/],
      ['of another key', whole, ['--store', `file:${ring}`, '--kek-file', other],
        /key-encryption key [\w-]{16}, which is not given \(cannot_unseal\)/],
      ['sealed, with --unsealed', whole, ['--store', `file:${ring}`, '--unsealed'], /\(cannot_unseal\)/],
    ]
    for (const [what, content, args, message] of someOf(cases)) {
      writeFileSync(ring, content)
      const { code, stdout, stderr } = await run(['--port', '0', ...FAST, ...args])
      assert.deepEqual([code, stdout], [78, ''], what)
      assert.match(stderr, message, what)
      assert.equal(stderr.split('\n').length, 2, what)
      assert.equal(readFileSync(ring, 'utf8'), content, what)
    }
    writeFileSync(ring, whole)
    chmodSync(ring, 0o644)
    const shared = await run(['--port', '0', ...FAST, ...sealed])
    assert.match(shared.stderr, /group or others can reach it\. Run chmod 600/)
    const told = await serve([...FAST, ...sealed, '--allow-shared-files'])
    await end(told)
  })

  it('E23 exits with 78 for a key-encryption key that it cannot trust or read', async () => {
    const folder = newFolder()
    const kek = newKek(folder)
    chmodSync(kek, 0o644)
    writeFileSync(join(folder, 'short'), 'abc', { mode: 0o600 })
    mkdirSync(join(folder, 'folder'))
    const store = ['--port', '0', ...FAST, '--store', `file:${join(folder, 'ring.json')}`]
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [[...store], /--kek-file must be set to encrypt the keys/],
      [[...store, '--kek-file', kek], /Cannot trust .*: group or others can reach it/],
      [[...store, '--kek-file', join(folder, 'short')], /it must be 32 bytes, raw or in base64url, base64 or hex/],
      [[...store, '--kek-file', join(folder, 'nowhere')], /Cannot read .*nowhere: the system says ENOENT/],
      [[...store, '--kek', 'x'], /^jwksd: --kek would show in the list of processes. Set JWKSD_KEK or --kek-file\n/],
      [['--port', '0', '--audit-required'], /--audit must be set/],
      [['--port', '0', '--audit', join(folder, 'folder')], /Cannot use the audit log .*: the system says EISDIR/],
    ]
    for (const [args, message] of someOf(cases, 2)) {
      const { code, stderr } = await run(args)
      assert.equal(code, 78, args.join(' '))
      assert.match(stderr, message)
    }
    assert.ok(!existsSync(join(folder, 'ring.json')))
    const secret = await run(store, { JWKSD_KEK: 'not-a-key' })
    assert.match(secret.stderr, /JWKSD_KEK has a value that must be keys of 32 bytes/)
    assert.ok(!secret.stderr.includes('not-a-key'))
  })

  it('says at every start, and in /readyz, that its keys are unsealed', async () => {
    const folder = newFolder()
    const args = [...FAST, '--store', `file:${join(folder, 'ring.json')}`, '--unsealed']
    for (let start = 0; start < 2; start += 1) {
      const server = await serve(args)
      assert.equal((await getJson(`${server.url}/readyz`)).keys, 'unsealed')
      const { stdout } = await end(server)
      assert.match(stdout, /"level":"warning","time":"[^"]+","event":"keys.unsealed"/)
      assert.equal(stdout.includes('"store.created"'), start === 0)
    }
    const kek = newKek(folder)
    const both = [...args, '--kek-file', kek]
    const rekeyed = await run(['rekey', ...both])
    assert.match(rekeyed.stdout, /^Private keys encrypted under [\w-]{16}: [12]\n$/)
    const server = await serve([...FAST, '--store', `file:${join(folder, 'ring.json')}`, '--kek-file', kek])
    assert.equal((await getJson(`${server.url}/readyz`)).keys, 'sealed')
    await end(server)
  })

  it('takes a key-encryption key from the environment, and changes it with both at hand', async () => {
    const folder = newFolder()
    const [one, two] = [newKek(folder, 'one'), newKek(folder, 'two')]
    const url = `file:${join(folder, 'ring.json')}`
    const store = ['--store', url]
    const first = await run(['rekey', ...store, '--kek-file', one])
    assert.deepEqual([first.code, first.stderr], [1, `jwksd: There are no keys in ${url}. Check the path\n`])
    await end(await serve([...FAST, ...store, '--kek-file', one]))
    const rekeyed = await run(['rekey', ...store, '--kek-file', two], { JWKSD_KEK: readFileSync(one, 'utf8').trim() })
    assert.equal(rekeyed.code, 0, rekeyed.stderr)
    await end(await serve([...FAST, ...store, '--kek-file', two]))
    assert.equal((await run(['--port', '0', ...FAST, ...store, '--kek-file', one])).code, 78)
  })
})

describe('a server whose audit log is full', () => {
  it('hands out no token that it could not record, when it must', async () => {
    const server = await serve([...FAST, '--audit', '/dev/full', '--audit-required'])
    const answer = await fetch(`${server.url}/auth`, { method: 'POST' })
    assert.equal(answer.status, 503)
    assertCleanLog(await answer.text(), 'the answer')
    const ready = await fetch(`${server.url}/readyz`)
    assert.equal(ready.status, 503)
    assert.equal((await ready.json() as { audit: string }).audit, 'failing and required')
    assert.equal((await fetch(`${server.url}/jwks.json`)).status, 200)
    await end(server)
  })

  it('goes on, and says that it is degraded, when it need not', async () => {
    const server = await serve([...FAST, '--audit', '/dev/full'])
    assert.equal((await fetch(`${server.url}/auth`, { method: 'POST' })).status, 200)
    const ready = await fetch(`${server.url}/readyz`)
    assert.equal(ready.status, 200)
    assert.deepEqual(await ready.json().then(({ status, audit }: any) => [status, audit]), ['degraded', 'failing'])
    await end(server)
  })
})

describe('the admin socket', () => {
  it('is not taken from a server that answers on it, nor from anything that is no socket', async () => {
    const folder = newFolder()
    const path = join(folder, 'admin.sock')
    const first = await serve([...FAST, '--admin', `unix:${path}`])
    const second = await run(['--port', '0', ...FAST, '--admin', `unix:${path}`])
    assert.equal(second.stderr, `jwksd: Cannot listen for operators on ${path}: it is in use\n`)
    assert.equal(second.code, 69)
    assert.equal((await keys('--admin', `unix:${path}`)).length, 2)
    await end(first)
    writeFileSync(path, 'mine')
    assert.equal((await run(['--port', '0', ...FAST, '--admin', `unix:${path}`])).code, 69)
    assert.equal(readFileSync(path, 'utf8'), 'mine')
    mkdirSync(join(folder, 'folder'))
    assert.equal((await run(['--port', '0', ...FAST, '--admin', `unix:${join(folder, 'nowhere', 'x')}`])).code, 69)
  })
})

describe('jwksd audit verify', () => {
  /** A closed log with one mint whose audience holds a character that some readers take for the end of a line. */
  async function newLog(): Promise<string> {
    const path = join(newFolder(), 'audit.log')
    const server = await serve(['--alg', 'ES256', '--audit', path])
    await postJson(`${server.url}/auth`, '{"aud":"x\u2028y\u0085z"}')
    await end(server)
    return path
  }

  it('ends a line where the log does, and nowhere else', async () => {
    const path = await newLog()
    assert.equal((await run(['audit', 'verify', path])).code, 0)
    const text = readFileSync(path, 'utf8').trimEnd()
    const at = text.lastIndexOf('\n')
    writeFileSync(path, `${text.slice(0, at)}\r${text.slice(at + 1)}\n`)
    assert.equal((await run(['audit', 'verify', path])).code, 1)
  })

  it('takes a torn line for what it is, in a log that need not be closed', async () => {
    const path = await newLog()
    const text = readFileSync(path, 'utf8')
    writeFileSync(path, text.slice(0, -40))
    assert.equal((await run(['audit', 'verify', path])).code, 1)
    const open = await run(['audit', 'verify', path, '--open'])
    assert.deepEqual([open.code, /none altered, removed, inserted or moved/.test(open.stdout)], [0, true], open.stderr)
  })

  it('finds the log of a server that could not listen closed', async () => {
    const path = join(newFolder(), 'audit.log')
    const first = await serve(['--alg', 'ES256'])
    const second = await run(['--alg', 'ES256', '--audit', path, '--port', String(first.port)])
    assert.equal(second.code, 69)
    assert.equal((await run(['audit', 'verify', path])).code, 0)
    await end(first)
  })
})
