import assert from 'node:assert/strict'
import { createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { newFolder } from '../support/folder.ts'
import { end, run, serve, type ServerProcess } from '../support/process.ts'

const CHILDREN = `/proc/${process.pid}/task/${process.pid}/children`
/** Only Linux tells the children of a process in a file. */
const skip = existsSync(CHILDREN) ? false : 'there is no /proc'

function workersOf({ child: { pid } }: ServerProcess): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter((text) => text !== '').map(Number)
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited = 0; !await isSo(); waited += 50) {
    if (waited > 15_000) throw new Error(`Waited in vain: ${what}`)
    await pause(50)
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Mints over a connection of its own, and verifies with the set that another connection gets. */
async function tokenVerifies(url: string): Promise<boolean> {
  const headers = { connection: 'close' }
  const { token } = await (await fetch(`${url}/auth`, { method: 'POST', headers })).json() as { token: string }
  const set = await fetch(`${url}/jwks.json`, { headers })
  const { keys } = await set.json() as { keys: (JsonWebKey & { kid: string })[] }
  const [header = '', payload = '', signature = ''] = token.split('.')
  const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }
  const jwk = keys.find((key) => key.kid === kid)
  if (jwk === undefined) return false
  const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' } as const
  return verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'))
}

describe('--workers', { skip }, () => {
  const start = (folder: string): Promise<ServerProcess> =>
    serve([
      '--workers', '3', '--alg', 'ES256', '--store', `file:${join(folder, 'ring.json')}`, '--unsealed',
      '--audit', join(folder, 'audit.log'), '--admin', `unix:${join(folder, 'admin')}`,
    ])

  /** Tokens made since the start, by all workers that there were. */
  const minted = async (folder: string): Promise<number> => {
    const sent = request({ socketPath: join(folder, 'admin'), path: '/metrics' }).end()
    const [answer] = await once(sent, 'response') as [IncomingMessage]
    const text = (await answer.toArray()).join('')
    return Number(/^jwksd_events_total\{event="token.minted",alg="ES256"\} (\d+)$/m.exec(text)?.[1] ?? 0)
  }

  it('serves one ring from several processes, replaces one that dies, and ends all of them in order', async () => {
    const folder = newFolder()
    const server = await start(folder)
    await until('three workers', () => workersOf(server).length === 3)
    for (let count = 0; count < 20; count += 1) assert.ok(await tokenVerifies(server.url))
    await until('the sum of what they counted', async () => await minted(folder) === 20)
    const [first = 0, second = 0] = workersOf(server)
    process.kill(second, 'SIGKILL')
    await until('another one', () => workersOf(server).length === 3 && !workersOf(server).includes(second))
    process.kill(first, 'SIGKILL')
    await until('another first one', () => workersOf(server).length === 3 && !workersOf(server).includes(first))
    await pause(500)
    for (let count = 0; count < 20; count += 1) assert.ok(await tokenVerifies(server.url))
    // Those that ended among them.
    await until('the sum of what all counted', async () => await minted(folder) === 40)
    const listed = await run(['keys', '--json', '--admin', `unix:${join(folder, 'admin')}`])
    assert.equal(listed.code, 0, listed.stderr)
    const workers = workersOf(server)
    const { code, stdout } = await end(server)
    assert.equal(code, 0)
    assert.deepEqual(workers.filter(isAlive), [])
    interface Told { readonly event: string; readonly worker?: number; readonly signal?: string }
    const events = stdout.trim().split('\n').map((line) => JSON.parse(line) as Told)
    const ended = events.filter(({ event }) => event === 'worker.ended').map(({ worker, signal }) => [worker, signal])
    assert.deepEqual(ended, [[2, 'SIGKILL'], [1, 'SIGKILL']])
    // Each has a log of its own, and its replacement went on with it.
    for (const path of ['audit.log', 'audit.log.2', 'audit.log.3']) {
      const verified = await run(['audit', 'verify', join(folder, path)])
      assert.equal(verified.code, 0, verified.stdout + verified.stderr)
    }
  })

  it('leaves no worker behind when the process that started them is killed', async () => {
    const server = await start(newFolder())
    await until('three workers', () => workersOf(server).length === 3)
    const workers = workersOf(server)
    await end(server, 'SIGKILL')
    await until('the end of all', () => !workers.some(isAlive))
  })

  it('ends at once on a second signal', async () => {
    const server = await start(newFolder())
    await until('three workers', () => workersOf(server).length === 3)
    const workers = workersOf(server)
    server.child.kill('SIGINT')
    server.child.kill('SIGINT')
    await server.finished
    await until('the end of all', () => !workers.some(isAlive))
  })

  it('tells a fault once, and ends with its code', async () => {
    const store = `file:${join(newFolder(), 'no', 'ring.json')}`
    const { code, stderr } = await run(['--workers', '3', '--port', '0', '--store', store, '--unsealed'])
    assert.equal(code, 78)
    assert.equal(stderr.trim().split('\n').length, 1, stderr)
  })

  it('E2 ends with 69 when the port is in use, as a single process does', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    for (const workers of ['1', '2']) {
      const store = `file:${join(newFolder(), 'ring.json')}`
      const args = ['--workers', workers, '--alg', 'ES256', '--port', String(port), '--store', store, '--unsealed']
      const { code, stderr } = await run(args)
      assert.equal(code, 69, `${workers}: ${stderr}`)
      assert.match(stderr, /^jwksd: Cannot listen on 127\.0\.0\.1:\d+: [^\n]+\n$/)
    }
    taken.close()
  })

  it('says that one thread alone would make tokens wait for keys', async () => {
    const server = await serve(['--alg', 'ES256'], { UV_THREADPOOL_SIZE: '1' })
    const { stdout } = await end(server)
    assert.match(stdout, /"event":"threads\.single"/)
  })

  it('takes one process for keys in memory, and says so', async () => {
    const server = await serve(['--workers', '3', '--alg', 'ES256'])
    assert.deepEqual(workersOf(server), [])
    const { stdout } = await end(server)
    assert.match(stdout, /"event":"workers\.single","store":"memory:"/)
  })
})
