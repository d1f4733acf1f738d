import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { lstatSync, readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { newFolder } from '../support/folder.ts'
import { end, run, serve, type ServerProcess } from '../support/process.ts'

const skip = process.platform === 'linux' ? false : 'sockets are tried on Linux'
const ISSUER = ['--issuer', 'https://issuer.example', '--alg', 'ES256']

/** What curl gets over a socket: the body, or the exit code of curl. */
async function curl(path: string, url: string, ...args: readonly string[]): Promise<string> {
  const all = ['-s', '-m', '5', '--unix-socket', path, ...args, `http://localhost${url}`]
  return await promisify(execFile)('curl', all).then(({ stdout }) => stdout.trim(), ({ code }: { code: number }) => `curl ${code}`)
}

function modeOf(path: string): number {
  return lstatSync(path).mode & 0o777
}

async function clientsIn(folder: string): Promise<readonly string[]> {
  const file = join(folder, 'clients.json')
  assert.equal((await run(['client', 'add', 'b', '--clients', file, '--audience', 'https://api'])).code, 0)
  return ['--clients', file]
}

function eventsOf(stdout: string, name: string): readonly Record<string, unknown>[] {
  return stdout.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ event }) => event === name)
}

describe('--host unix:PATH', { skip }, () => {
  it('answers on a socket of mode 0600, and takes it away at the end', async () => {
    const path = join(newFolder(), 'public')
    const server = await serve([...ISSUER, '--host', `unix:${path}`])
    assert.equal(server.url, `unix:${path}`)
    assert.equal(await curl(path, '/healthz'), '{"status":"alive"}')
    assert.match(await curl(path, '/.well-known/openid-configuration'), /"jwks_uri":"https:\/\/issuer\.example\//)
    assert.equal(modeOf(path), 0o600)
    assert.equal((await end(server)).code, 0)
    assert.deepEqual(readdirSync(join(path, '..')), [])
  })

  it('opens it to a group with --socket-group', async () => {
    const path = join(newFolder(), 'public')
    const group = process.getgroups?.().at(-1) ?? 0
    const server = await serve([...ISSUER, '--host', `unix:${path}`, '--socket-group', String(group)])
    assert.deepEqual([modeOf(path), lstatSync(path).gid], [0o660, group])
    await end(server)
  })

  it('reads the number of a group from /etc/group, and refuses one that is not there', async () => {
    const [name = '', , gid] = readFileSync('/etc/group', 'utf8').split('\n')
      .map((line) => line.split(':')).find(([, , own]) => Number(own) === process.getgid?.()) ?? []
    const path = join(newFolder(), 'public')
    const server = await serve([...ISSUER, '--host', `unix:${path}`, '--socket-group', name])
    assert.equal(lstatSync(path).gid, Number(gid))
    await end(server)
    const refused = await run([...ISSUER, '--host', `unix:${path}`, '--socket-group', 'no-such-group'])
    assert.deepEqual([refused.code, /which \/etc\/group does not name/.test(refused.stderr)], [78, true])
  })

  it('replaces a socket on which nobody answers, but no live one and no other file', async () => {
    const path = join(newFolder(), 'public')
    await end(await serve([...ISSUER, '--host', `unix:${path}`]), 'SIGKILL')
    assert.ok(lstatSync(path).isSocket())
    const server = await serve([...ISSUER, '--host', `unix:${path}`])
    const second = await run([...ISSUER, '--host', `unix:${path}`])
    assert.deepEqual([second.code, second.stderr], [69, `jwksd: Cannot listen on ${path}: it is in use\n`])
    assert.equal(await curl(path, '/healthz'), '{"status":"alive"}')
    await end(server)
    writeFileSync(path, 'kept')
    const third = await run([...ISSUER, '--host', `unix:${path}`])
    assert.equal(third.code, 69)
    assert.match(third.stderr, /^jwksd: Cannot listen on \S+: another kind of file is there\. Remove it/)
    assert.equal(readFileSync(path, 'utf8'), 'kept')
    assert.deepEqual(readdirSync(join(path, '..')), ['public'])
  })

  it('does not take away the socket of another server that lies there meanwhile, nor does --admin', async () => {
    const folder = newFolder()
    const [path, admin] = [join(folder, 'public'), join(folder, 'admin')]
    const args = [...ISSUER, '--host', `unix:${path}`, '--admin', `unix:${admin}`]
    const first = await serve(args)
    for (const file of [path, admin]) renameSync(file, `${file}.moved`)
    const second = await serve(args)
    await end(first)
    assert.equal(await curl(path, '/healthz'), '{"status":"alive"}')
    assert.match(await curl(admin, '/keys'), /"kid"/)
    for (const file of [path, admin]) unlinkSync(`${file}.moved`)
    await end(second)
    assert.deepEqual(readdirSync(folder), [])
  })

  it('is public: /auth needs --open-auth, and an issuer must be set', async () => {
    const path = join(newFolder(), 'x.localhost')
    const refused = await run(['--host', `unix:${path}`])
    assert.equal(refused.code, 78)
    assert.match(refused.stderr, /--issuer must be set to listen on unix:/)
    const server = await serve(['--issuer', 'http://localhost', '--host', `unix:${path}`])
    assert.match(await curl(path, '/auth', '-X', 'POST'), /"status":404/)
    await end(server)
    const open = await serve(['--issuer', 'http://localhost', '--host', `unix:${path}`, '--open-auth'])
    assert.match(await curl(path, '/auth', '-X', 'POST'), /"token"/)
    const { stdout } = await end(open)
    assert.equal(eventsOf(stdout, 'auth.open').length, 1)
  })

  it('believes what a proxy adds with --trusted-proxies unix alone, and warns without it', async () => {
    const folder = newFolder()
    const path = join(folder, 'public')
    const args = [...ISSUER, '--host', `unix:${path}`, ...await clientsIn(folder)]
    const ask = ['-d', 'grant_type=client_credentials', '-u', 'b:wrong', '-H', 'X-Forwarded-For: 192.0.2.7']
    for (const [more, address, warnings] of [[['--trusted-proxies', 'unix'], '192.0.2.7', 0], [[], 'unknown', 1]] as const) {
      const server = await serve([...args, ...more])
      assert.match(await curl(path, '/token', ...ask), /"invalid_client"/)
      const { stdout } = await end(server)
      assert.equal(eventsOf(stdout, 'client.refused')[0]?.['address'], address)
      assert.equal(eventsOf(stdout, 'proxies.untrusted').length, warnings)
    }
  })

  it('is shared by workers, and outlives each of them', async () => {
    const folder = newFolder()
    const path = join(folder, 'public')
    const store = ['--store', `file:${join(folder, 'ring.json')}`, '--unsealed']
    const server = await serve([...ISSUER, ...store, '--workers', '2', '--host', `unix:${path}`])
    const workers = (): readonly number[] => {
      const listed = readFileSync(`/proc/${server.child.pid}/task/${server.child.pid}/children`, 'utf8')
      return listed.split(' ').map(Number).filter((pid) => pid > 0)
    }
    const areTwo = async (without = 0): Promise<void> => {
      for (let attempt = 0; attempt < 200; attempt += 1) {
        if (workers().length === 2 && !workers().includes(without)) return
        await sleep(50)
      }
      assert.fail('There are not two workers')
    }
    await areTwo()
    for (const worker of [...workers()]) {
      process.kill(worker, 'SIGKILL')
      await areTwo(worker)
      assert.equal(await curl(path, '/healthz'), '{"status":"alive"}')
    }
    assert.equal(modeOf(path), 0o600)
    await stopped(server)
    // What is left behind is replaced at the next start.
    await stopped(await serve([...ISSUER, ...store, '--workers', '2', '--host', `unix:${path}`]))
  })
})

async function stopped(server: ServerProcess): Promise<void> {
  assert.equal((await end(server)).code, 0)
}
