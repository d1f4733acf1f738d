import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { newFolder } from '../support/folder.ts'
import { end, run, serve, SERVER, type ServerProcess } from '../support/process.ts'

const skip = process.allowedNodeEnvironmentFlags.has('--permission') ? false : 'this Node.js has no --permission'
const hasNet = process.allowedNodeEnvironmentFlags.has('--allow-net')

/** The files of a server, and the options of the production page. */
interface Place {
  readonly folder: string
  readonly secret: string
  readonly args: readonly string[]
  readonly admin: string
}

async function newPlace(name = 'data'): Promise<Place> {
  const folder = join(newFolder(), name)
  mkdirSync(folder, { mode: 0o700 })
  const at = (file: string): string => join(folder, file)
  assert.equal((await run(['kek', at('ring.kek')])).code, 0)
  const added = await run(['client', 'add', 'billing', '--clients', at('clients.json'), '--audience', 'https://api.example'])
  const admin = `unix:${at('admin')}`
  const args = [
    '--alg', 'ES256', '--store', `file:${at('ring.json')}`, '--kek-file', at('ring.kek'), '--clients', at('clients.json'),
    '--admin', admin, '--audit', at('audit.log'), '--audit-required',
  ]
  return { folder, secret: /client_secret: (\S+)/.exec(added.stdout)?.[1] ?? '', args, admin }
}

/** The one line that the command prints. */
async function flagsFor(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(['check', '--permissions', ...args])
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^--permission [^\n]+\n$/)
  return stdout.trim()
}

/** Starts a server by a shell that reads the flags. */
function serveUnder(flags: string, args: readonly string[]): Promise<ServerProcess> {
  return serve(args, {}, ['sh', '-c', `exec "$0" ${flags} "$@"`])
}

/** What a program prints under these flags, and what it says when it fails. */
function tried(flags: string, ...args: readonly string[]): string {
  const { stdout, stderr } = spawnSync('sh', ['-c', `exec "$0" ${flags} "$@"`, process.execPath, ...args], {
    encoding: 'utf8', timeout: 60_000,
  })
  return `${stdout}${stderr}`
}

async function post({ url }: ServerProcess, path: string, secret: string, form: Readonly<Record<string, string>>) {
  const authorization = `Basic ${Buffer.from(`billing:${secret}`).toString('base64')}`
  const reply = await fetch(`${url}${path}`, { method: 'POST', headers: { authorization }, body: new URLSearchParams(form) })
  assert.equal(reply.status, 200)
  const text = await reply.text()
  return (text === '' ? {} : JSON.parse(text)) as { readonly access_token: string; readonly active: boolean }
}

/** What a start fails without; the others guard against code that is not ours. */
const isPermission = (flag: string): boolean => /^--(?:permission|allow)/.test(flag)

describe('a server under the flags of jwksd check --permissions', { skip }, () => {
  it('issues, rotates, revokes, records and takes orders, also after a restart', async () => {
    // A space, a quote and a dollar sign: the line is ready for a shell.
    for (const name of ['data', "it's $1 data"]) {
      const { args, secret, admin, folder } = await newPlace(name)
      const flags = await flagsFor(args)
      const server = await serveUnder(flags, args)
      const { access_token: token } = await post(server, '/token', secret, { grant_type: 'client_credentials' })
      assert.equal((await post(server, '/introspect', secret, { token })).active, true)
      assert.equal((await run(['rotate', '--force', '--reason', 'a drill', '--admin', admin])).code, 0)
      assert.equal((await run(['keys', '--admin', admin])).code, 0)
      await post(server, '/revoke', secret, { token })
      assert.equal((await post(server, '/introspect', secret, { token })).active, false)
      assert.equal((await end(server)).code, 0)
      assert.equal(readdirSync(join(folder, 'ring.json.jti')).filter((file) => file.startsWith('revoked-')).length, 1)
      const again = await serveUnder(flags, args)
      assert.equal((await post(again, '/introspect', secret, { token })).active, false)
      await post(again, '/token', secret, { grant_type: 'client_credentials' })
      assert.equal((await end(again)).code, 0)
      const verified = await run(['audit', 'verify', join(folder, 'audit.log')])
      assert.equal(verified.code, 0, verified.stderr)
    }
  })

  it('cannot reach one more path, start a process, or turn a text into code', async () => {
    const { args, folder } = await newPlace()
    const flags = await flagsFor(args)
    const beside = join(folder, '..', 'beside')
    writeFileSync(beside, 'text')
    const attempts: readonly (readonly [string, RegExp])[] = [
      [`require('fs').readFileSync(${JSON.stringify(beside)})`, /ERR_ACCESS_DENIED/],
      [`require('fs').writeFileSync(${JSON.stringify(beside)}, '')`, /ERR_ACCESS_DENIED/],
      [`require('fs').writeFileSync(${JSON.stringify(SERVER)}, '')`, /ERR_ACCESS_DENIED/],
      [`require('child_process').execFileSync('true')`, /ERR_ACCESS_DENIED/],
      [`new (require('worker_threads').Worker)('1', { eval: true })`, /ERR_ACCESS_DENIED/],
      [`eval('1')`, /EvalError/],
      [`new Function('return 1')`, /EvalError/],
      [`({}).__proto__`, /ERR_PROTO_ACCESS/],
      [`Array.prototype.map = 1`, /TypeError|read only|frozen/],
    ]
    for (const [code, expected] of attempts) {
      assert.match(tried(flags, '-e', `'use strict'; ${code}; console.log('done')`), expected, code)
    }
    assert.equal(existsSync(beside), true)
    assert.match(tried(flags, '-e', `console.log(require('fs').readdirSync(${JSON.stringify(folder)}).length)`), /^\d/m)
  })

  it('needs each of its permissions: a start without one says what is denied', async () => {
    const { args } = await newPlace()
    const flags = (await flagsFor(args)).split(' ')
    assert.equal(flags.includes('--allow-net'), hasNet)
    const needed = flags.filter((flag) => isPermission(flag) && !flag.includes('/proc/'))
    assert.equal(needed.length, hasNet ? 5 : 4)
    for (const flag of needed) {
      const rest = flags.filter((one) => one !== flag).join(' ')
      const said = tried(rest, SERVER, '--port', '0', ...args)
      assert.match(said, flag === '--permission' ? /ERR_MISSING_OPTION/ : /ERR_ACCESS_DENIED/, flag)
    }
    const limits = `require('fs').readFileSync('/proc/self/limits')`
    assert.match(tried(flags.filter((flag) => !flag.includes('/proc/')).join(' '), '-e', limits), /ERR_ACCESS_DENIED/)
    assert.equal(tried(flags.join(' '), '-e', limits).includes('ERR_'), false)
  })

  it('is told of what the flags do not prevent', async () => {
    const { args, folder } = await newPlace()
    const { stderr } = await run(['check', '--permissions', ...args])
    for (const name of ['ring.kek', 'clients.json']) {
      assert.match(stderr, new RegExp(`warning: \\S+/${name} is only read, but lies in ${folder}, which the server writes`))
    }
    const apart = newFolder()
    assert.equal((await run(['kek', join(apart, 'ring.kek')])).code, 0)
    const moved = args.map((word) => word === join(folder, 'ring.kek') ? join(apart, 'ring.kek') : word)
    assert.doesNotMatch((await run(['check', '--permissions', ...moved])).stderr, /ring\.kek/)
    writeFileSync(join(apart, 'other'), '')
    assert.match((await run(['check', '--permissions', ...moved])).stderr, /holds 1 more, such as other/)
  })

  it('is refused where the permissions would not hold, or would be lost', async () => {
    const { args, folder } = await newPlace()
    const workers = await run(['check', '--permissions', ...args, '--workers', '2'])
    assert.deepEqual([workers.code, workers.stdout], [78, ''])
    assert.match(workers.stderr, /--workers is 2, but workers are child processes/)
    mkdirSync(`${folder}2`)
    const beside = await run(['check', '--permissions', ...args, '--witness', join(`${folder}2`, 'witness')])
    assert.deepEqual([beside.code, beside.stdout], [78, ''])
    assert.match(beside.stderr, /the permission to \S+\/data is lost beside that to \S+\/data2/)
    assert.equal((await run(['check', '--unit', ...args])).code, 78)
  })

  it('follows links to folders, and writes a unit file for systemd', async () => {
    const { args, folder, secret } = await newPlace()
    const link = join(newFolder(), 'link')
    symlinkSync(folder, link)
    const linked = args.map((word) => word.replace(folder, link))
    const flags = await flagsFor(linked)
    assert.ok(flags.includes(`--allow-fs-write=${link} `) && flags.includes(`--allow-fs-write=${folder} `), flags)
    const server = await serveUnder(flags, linked)
    await post(server, '/token', secret, { grant_type: 'client_credentials' })
    await end(server)
    for (const kek of ['%d/kek', '/run/credentials/jwksd.service/kek']) {
      const unit = ['--store', 'file:/srv/50% "$a"/ring.json', '--kek-file', kek, '--alg', 'ES256']
      const { stdout } = await run(['check', '--permissions', '--unit', ...unit])
      assert.ok(stdout.includes(' --allow-fs-read=%d '), stdout)
      assert.ok(stdout.includes(' "--allow-fs-write=/srv/50%% \\"$$a\\"" '), stdout)
    }
  })
})

describe('jwksd check --permissions', { skip: skip === false }, () => {
  it('says which Node.js it needs', async () => {
    const { code, stdout, stderr } = await run(['check', '--permissions', '--alg', 'ES256'])
    assert.deepEqual([code, stdout], [78, ''])
    assert.match(stderr, /has no --permission\. Run this with Node\.js 22 or later/)
  })
})
