import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, lchownSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { createServer, type IncomingMessage, request } from 'node:http'
import { createServer as createPlainServer } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { newFolder } from '../support/folder.ts'
import { end, run, serve, SERVER, type ServerProcess } from '../support/process.ts'
import { refusalOf } from '../support/refusal.ts'
import { someOf } from '../support/share.ts'

const FAST = ['--alg', 'ES256', '--preset', 'fast']
const NOBODY = 65_534

interface Asked { readonly status: number; readonly text: string }

/** A request over a socket, as curl sends it. */
async function ask(socketPath: string, path: string, sent: Readonly<Record<string, unknown>> = {}): Promise<Asked> {
  const { body, method = body === undefined ? 'GET' : 'POST', ...headers } = sent as Record<string, string>
  const going = request({ socketPath, path, method, headers }).end(body)
  const [answer] = await once(going, 'response') as [IncomingMessage]
  return { status: answer.statusCode ?? 0, text: (await answer.toArray()).join('') }
}

/** Who gave the orders in an audit log, each once for orders that follow each other. */
function recorded(log: string): readonly (string | undefined)[] {
  const lines = readFileSync(log, 'utf8').trim().split('\n')
  const records = lines.map((line) => JSON.parse(line) as Record<string, string>)
  const names = records.filter(({ event = '' }) => event.startsWith('operator.')).map((record) => record['by'])
  return names.filter((name, at) => name !== names[at - 1])
}

const JSON_TYPE = { 'content-type': 'application/json' }

describe('the socket of operators', () => {
  let server: ServerProcess
  let admin: string
  let log: string
  before(async () => {
    const folder = newFolder()
    admin = join(folder, 'admin')
    log = join(folder, 'audit.log')
    server = await serve([...FAST, '--admin', `unix:${admin}`, '--audit', log])
  })
  after(() => server.child.kill('SIGKILL'))

  const keys = async (): Promise<readonly { kid: string; state: string }[]> => {
    const { code, stdout, stderr } = await run(['keys', '--json', '--admin', `unix:${admin}`])
    assert.equal(code, 0, stderr)
    return (JSON.parse(stdout) as { keys: readonly { kid: string; state: string }[] }).keys
  }

  it('D14 has mode 0600, and its paths exist on no port', async () => {
    assert.equal(statSync(admin).mode & 0o777, 0o600)
    for (const path of ['/keys', '/rotate', '/revoke', '/admin', '/metrics']) {
      assert.equal((await fetch(`${server.url}${path}`)).status, 404)
      assert.equal((await fetch(`${server.url}${path}`, { method: 'POST' })).status, 404)
    }
  })

  it('answers no web page', async () => {
    assert.equal((await ask(admin, '/keys', { origin: 'http://localhost:3000' })).status, 403)
  })

  it('says what is wrong with an order, by name', async () => {
    const cases: readonly (readonly [string, string, number, RegExp])[] = [
      ['/rotate', '', 400, /malformed JSON/],
      ['/rotate', '[]', 400, /must be a JSON object/],
      ['/rotate', '{"alg":"ES256"}', 400, /"member":"alg"/],
      ['/rotate', '{"alg":["RS256"]}', 400, /"member":"alg"/],
      ['/rotate', '{"alg":["ES256","ES256"]}', 400, /"member":"alg"/],
      ['/rotate', '{"force":"yes"}', 400, /"member":"force"/],
      ['/rotate', '{"force":true}', 400, /"member":"reason"/],
      ['/rotate', `{"force":true,"reason":"${'x'.repeat(257)}"}`, 400, /"member":"reason"/],
      ['/rotate', '{"forced":true}', 400, /"member":"forced"/],
      ['/rotate', '{"by":""}', 400, /"member":"by"/],
      ['/rotate', '{"by":7}', 400, /"member":"by"/],
      ['/rotate', '{"by":"a\\nb"}', 400, /"member":"by"/],
      ['/rotate', '{"by":"\\u202ebob"}', 400, /"member":"by"/],
      ['/rotate', `{"by":"${'x'.repeat(65)}"}`, 400, /"member":"by"/],
      ['/rotate', '{}', 409, /"earliest_safe_at":\d{10}[,}]/],
      ['/revoke', '{}', 400, /"member":"kid"/],
      ['/revoke', '{"kid":"x"}', 400, /"member":"reason"/],
      ['/revoke', '{"kid":"x","reason":"y"}', 404, /There is no such key/],
    ]
    for (const [path, body, status, text] of cases) {
      const answer = await ask(admin, path, { ...JSON_TYPE, method: 'POST', body })
      assert.equal(answer.status, status, body)
      assert.match(answer.text, text, body)
    }
    assert.equal((await ask(admin, '/rotate', { body: '{}' })).status, 415)
  })

  it('records who gives an order: the name after --as, else who called sudo, else the login name', async () => {
    const rotate = ['rotate', '--force', '--reason', 'a drill', '--admin', `unix:${admin}`]
    assert.equal((await run([...rotate, '--as', 'alice'], { SUDO_USER: 'bob' })).code, 0)
    assert.equal((await run(rotate, { SUDO_USER: 'bob' })).code, 0)
    assert.equal((await run(rotate, { SUDO_USER: '' })).code, 0)
    assert.equal((await run(['revoke', 'x', '--reason', 'y', '--as', 'eve', '--admin', `unix:${admin}`])).code, 1)
    await ask(admin, '/rotate', { ...JSON_TYPE, body: '{"force":true,"reason":"by curl"}' })
    const expected = ['alice', 'bob', userInfo().username, 'eve', 'unknown']
    // Records are written in batches.
    for (let waited = 0; waited < 5000 && recorded(log).at(-2) !== 'eve'; waited += 50) await setTimeout(50)
    assert.deepEqual(recorded(log).slice(-5), expected)
    const bad = await run([...rotate, '--as', 'a\tb'])
    assert.deepEqual([bad.code, bad.stderr], [1, 'jwksd: by must be a name of 1 to 64 visible characters\n'])
  })

  it('E18 lists what it removed, from the ring that was committed', async () => {
    const kid = (await keys()).find(({ state }) => state === 'standby')?.kid ?? ''
    const body = JSON.stringify({ kid, reason: 'stolen' })
    const { status, text } = await ask(admin, '/revoke', { ...JSON_TYPE, body })
    assert.equal(status, 200)
    const answer = JSON.parse(text) as { removed: readonly string[]; exposure: number }
    assert.deepEqual([answer.removed, answer.exposure], [[kid], 30])
  })

  it('ends with 69 without a socket, and with 78 where none is named', async () => {
    for (const path of ['/nowhere/admin', join(newFolder(), 'admin')]) {
      const { code, stderr } = await run(['keys', '--admin', `unix:${path}`])
      assert.match(stderr, /^jwksd: Cannot reach the socket of operators: ENOENT\. Check /)
      assert.equal(code, 69)
    }
    const unnamed = await run(['keys'])
    assert.deepEqual([unnamed.code, /^jwksd: --admin is not set\. /.test(unnamed.stderr)], [78, true], unnamed.stderr)
  })

  it('works by a relative path in a folder whose own path is longer than the name of a socket may be', async () => {
    const folder = join(newFolder(), 'x'.repeat(100))
    mkdirSync(folder, { mode: 0o700 })
    const there = await serve([...FAST, '--admin', 'unix:admin'], {}, ['env', '-C', folder])
    const command = [SERVER, 'keys', '--admin', 'unix:admin']
    const listed = spawnSync(process.execPath, command, { cwd: folder, encoding: 'utf8' })
    assert.deepEqual([listed.status, listed.stderr], [0, ''])
    await end(there)
  })
})

describe('a command with an order', () => {
  it('finds the other files of its configuration by relative paths', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, 'data'), { mode: 0o700 })
    const command = (...args: readonly string[]): string => {
      const there = { cwd: folder, encoding: 'utf8' } as const
      const { status, stdout, stderr } = spawnSync(process.execPath, [SERVER, ...args], there)
      assert.equal(status, 0, stderr)
      return stdout
    }
    for (const name of ['one', 'two']) command('kek', `data/${name}`)
    const store = ['--store', 'file:data/ring.json', '--admin', 'unix:data/admin', '--kek-file']
    const server = await serve([...FAST, ...store, 'data/one'], {}, ['env', '-C', folder])
    assert.match(command('rekey', ...store, 'data/two,data/one'), /^Private keys encrypted under /)
    await end(server)
  })
})

describe('an operator and whoever answers', () => {
  /** Answers every request with this text, and tells how many connections came. */
  const impostor = async (text: string): Promise<{ readonly admin: string; readonly connections: () => number }> => {
    const admin = join(newFolder(), 'admin')
    let connections = 0
    const server = createServer((_request, response) => response.end(text)).on('connection', () => connections += 1)
    after(() => server.close())
    await once(server.listen(admin), 'listening')
    chmodSync(admin, 0o600)
    return { admin, connections: () => connections }
  }
  const revoke = ['revoke', 'KID', '--reason', 'stolen']

  const lies: readonly (readonly [string, object])[] = [
    ['nothing', {}],
    ['no keys', { exposure: 605, removed: ['KID'] }],
    ['keys alone', { keys: [] }],
    ['no removed key', { keys: [], exposure: 605, removed: [] }],
    ['another removed key', { keys: [], exposure: 605, removed: ['KID2'] }],
    ['a text in place of a list', { keys: [], exposure: 605, removed: 'KID' }],
    ['the key among the published ones', { keys: [{ kid: 'KID', state: 'active' }], exposure: 605, removed: ['KID'] }],
    ['no exposure', { keys: [], removed: ['KID'] }],
  ]
  for (const [what, answer] of someOf(lies)) {
    it(`E18 does not print "Revoked" for an answer that lists ${what}`, async () => {
      const { admin } = await impostor(JSON.stringify(answer))
      const { code, stdout, stderr } = await run([...revoke, '--admin', `unix:${admin}`])
      assert.deepEqual([code, stdout], [69, ''])
      assert.match(stderr, /^jwksd: The answer (?:lists no keys|does not list the key as removed)/)
    })
  }

  it('E18 prints "Revoked" for an answer that lists the key as removed', async () => {
    const { admin } = await impostor(JSON.stringify({ keys: [], exposure: 605, removed: ['KID'] }))
    const { code, stdout } = await run([...revoke, '--admin', `unix:${admin}`])
    assert.deepEqual([code, stdout.startsWith('Revoked. ')], [0, true])
  })

  it('E18 prints no table for an answer without keys', async () => {
    const { admin } = await impostor('{}')
    for (const command of [['keys'], ['keys', '--json'], ['rotate']]) {
      const { code, stdout } = await run([...command, '--admin', `unix:${admin}`])
      assert.deepEqual([code, stdout], [69, ''])
    }
  })

  const skip = process.geteuid?.() === 0 ? false : 'needs root'
  it('E18 sends nothing to a socket that somebody else has planted', { skip }, async () => {
    const { admin, connections } = await impostor(JSON.stringify({ keys: [], exposure: 605, removed: ['KID'] }))
    lchownSync(admin, NOBODY, NOBODY)
    for (const command of [['keys'], ['rotate'], revoke]) {
      const { code, stdout, stderr } = await run([...command, '--admin', `unix:${admin}`])
      assert.deepEqual([code, stdout], [78, ''])
      assert.match(stderr, /^jwksd: Cannot trust .*: user 65534 made it\./)
    }
    assert.equal(connections(), 0)
  })

  it('E18 lets root command a server of another user, whose alone the folder is', { skip }, async () => {
    const outer = newFolder()
    const folder = join(outer, 'service')
    chmodSync(outer, 0o711)
    mkdirSync(folder, { mode: 0o700 })
    chownSync(folder, NOBODY, NOBODY)
    const admin = ['--admin', `unix:${join(folder, 'admin')}`]
    const server = await serve([...FAST, ...admin], {}, ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'])
    assert.equal(statSync(join(folder, 'admin')).uid, NOBODY)
    assert.equal((await run(['keys', ...admin])).code, 0)
    chmodSync(folder, 0o755)
    const open = await run(['keys', ...admin])
    assert.deepEqual([open.code, /user 65534 made it/.test(open.stderr)], [78, true], open.stderr)
    await end(server)
  })
})

describe('orders over a port', () => {
  const typed: readonly (readonly [readonly string[], Readonly<Record<string, string>>, RegExp])[] = [
    [['--admin', '127.0.0.1:0'], {}, /^jwksd: --admin is "127\.0\.0\.1:0" but must be unix:PATH.* --metrics/],
    [['--admin', 'localhost:9'], {}, /but must be unix:PATH/],
    [['--admin', '0.0.0.0:9'], {}, /but must be unix:PATH/],
    [['--admin', `unix:${'ä'.repeat(60)}`], {}, /at most 103 bytes/],
    [[], { JWKSD_ADMIN: '[::1]:9' }, /^jwksd: JWKSD_ADMIN is "\[::1\]:9" but must be unix:PATH/],
    [['--admin-token-file', 'token'], {}, /^jwksd: --admin-token-file .* left out: orders need --admin unix:PATH/],
    [[], { JWKSD_ADMIN_TOKEN_FILE: 't' }, /^jwksd: JWKSD_ADMIN_TOKEN_FILE .* must be left out: .*--admin unix:PATH/],
  ]
  for (const [args, env, message] of typed) {
    it(`are refused, with the new way named: ${args.join(' ')} ${Object.keys(env).join()}`.trim(), () => {
      for (const command of [['serve', '--port', '0'], ['keys'], ['revoke', 'KID', '--reason', 'x']]) {
        assert.match(refusalOf([...command, ...args], env) ?? '', message)
      }
    })
  }

  it('E2 ends with 69 when the socket of operators cannot be made, with workers too', async () => {
    const taken = join(newFolder(), 'admin')
    const other = createPlainServer().listen(taken)
    await once(other, 'listening')
    const cases = [[taken, 'it is in use'], ['/nowhere/admin', 'its folder does not exist']] as const
    for (const workers of ['1', '2']) {
      for (const [path, why] of cases) {
        const store = ['--store', `file:${join(newFolder(), 'ring.json')}`, '--unsealed']
        const args = ['--workers', workers, '--port', '0', ...FAST, ...store, '--admin', `unix:${path}`]
        const { code, stderr } = await run(args)
        assert.deepEqual([code, stderr], [69, `jwksd: Cannot listen for operators on ${path}: ${why}\n`])
      }
    }
    other.close()
  })
})
