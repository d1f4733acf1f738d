import assert from 'node:assert/strict'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { newFolder } from '../support/folder.ts'
import { newKek } from '../support/kek.ts'
import { end, run, serve, type ServerProcess } from '../support/process.ts'

const ARGS = ['--alg', 'ES256', '--preset', 'fast']

async function mint({ url }: ServerProcess): Promise<number> {
  const answer = await fetch(`${url}/auth`, { method: 'POST' })
  await answer.arrayBuffer()
  return answer.status
}

async function readiness({ url }: ServerProcess): Promise<readonly [number, string]> {
  const answer = await fetch(`${url}/readyz`)
  return [answer.status, (await answer.json() as { audit: string }).audit]
}

/** The published kids, the active one first. */
async function kids({ url }: ServerProcess): Promise<readonly string[]> {
  const { keys } = await (await fetch(`${url}/jwks.json`)).json() as { keys: readonly { readonly kid: string }[] }
  return keys.map(({ kid }) => kid)
}

/** Waits until a check holds, five seconds at most. */
async function until(check: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (await check()) return
    await setTimeout(50)
  }
  assert.fail('it did not come true in five seconds')
}

describe('an audit log whose file is moved', () => {
  it('stops tokens within a tick, and goes on in a new file after SIGHUP', async () => {
    const path = join(newFolder(), 'audit.log')
    const server = await serve([...ARGS, '--audit', path, '--audit-required'])
    assert.equal(await mint(server), 200)
    renameSync(path, `${path}.1`)
    await until(async () => await mint(server) === 503)
    assert.deepEqual(await readiness(server), [503, 'failing and required'])
    server.child.kill('SIGHUP')
    await until(async () => await mint(server) === 200)
    assert.deepEqual(await readiness(server), [200, 'written'])
    const { stdout } = await end(server)
    assert.match(stdout, /"event":"audit.failed","code":"moved"/)
    const moved = await run(['audit', 'verify', `${path}.1`])
    assert.equal(moved.code, 0, moved.stderr)
    const alone = await run(['audit', 'verify', path])
    assert.match(alone.stdout, /it begins with record \d+; the files before it were not read/)
    const both = await run(['audit', 'verify', path, '--before', `${path}.1`])
    assert.deepEqual([both.code, /begins with/.test(both.stdout)], [0, false], both.stderr)
  })
})

describe('an order', () => {
  it('is recorded before it is carried out, and only a revocation does not wait for the record', async () => {
    const folder = newFolder()
    const path = join(folder, 'audit.log')
    const admin = ['--admin', `unix:${join(folder, 'admin')}`]
    const server = await serve([...ARGS, '--audit', path, ...admin])
    const [active = ''] = await kids(server)
    assert.equal((await run(['rotate', ...admin, '--force', '--reason', 'a drill', '--as', 'ann'])).code, 0)
    const [second = ''] = await kids(server)
    renameSync(path, `${path}.1`)
    await until(async () => (await readiness(server))[1] === 'failing')
    const refused = await run(['rotate', ...admin, '--force', '--reason', 'another'])
    assert.deepEqual([refused.code, /audit log cannot be written/.test(refused.stderr)], [1, true], refused.stderr)
    assert.equal((await kids(server))[0], second)
    const revoked = await run(['revoke', second, ...admin, '--force', '--reason', 'stolen', '--as', 'bob'])
    assert.equal(revoked.code, 0, revoked.stderr)
    assert.match(revoked.stdout, /^Revoked\..* The audit log cannot record it yet\.\n/)
    server.child.kill('SIGHUP')
    await until(async () => (await readiness(server))[1] === 'written')
    await end(server)
    const both = await run(['audit', 'verify', path, '--before', `${path}.1`])
    assert.equal(both.code, 0, both.stderr)
    const lines = `${readFileSync(`${path}.1`, 'utf8')}${readFileSync(path, 'utf8')}`.trimEnd().split('\n')
    const names = lines.map((line) => JSON.parse(line) as { event: string; by?: string; kid?: string })
    const at = (event: string, more: object): number =>
      names.findIndex((one) => Object.entries({ event, ...more }).every(([member, value]) => one[member as 'by'] === value))
    assert.ok(at('operator.ordered', { by: 'ann' }) < at('key.retired', { kid: active }))
    assert.ok(at('operator.ordered', { by: 'bob' }) < at('key.revoked', { kid: second }))
  })

  it('to rekey is recorded by the running server, or in the log of one that does not run', async () => {
    const folder = newFolder()
    const path = join(folder, 'audit.log')
    newKek(folder)
    const store = ['--store', `file:${join(folder, 'ring.json')}`, '--kek-file', join(folder, 'kek')]
    const admin = ['--admin', `unix:${join(folder, 'admin')}`]
    const server = await serve([...ARGS, ...store, '--audit', path, ...admin])
    const held = await run(['rekey', ...store, '--audit', path])
    assert.deepEqual([held.code, /While a server runs, name its socket/.test(held.stderr)], [78, true], held.stderr)
    assert.equal((await run(['rekey', ...store, ...admin, '--as', 'ann', '--reason', 'yearly'])).code, 0)
    await end(server)
    assert.equal((await run(['rekey', ...store, '--audit', path, '--as', 'bob'])).code, 0)
    assert.match((await run(['rekey', ...store])).stderr, /No audit log records this/)
    await end(await serve([...ARGS, ...store, '--audit', path]))
    const text = readFileSync(path, 'utf8')
    for (const by of ['"reason":"yearly","by":"ann"', '"reason":"","by":"bob"']) {
      assert.match(text, new RegExp(`"operator.ordered","action":"rekey","target":"store","forced":false,${by}`))
    }
    assert.equal((await run(['audit', 'verify', path])).code, 0)
  })
})

describe('an audit log on standard output', () => {
  it('is a whole chain there, and the log of the server goes to standard error', async () => {
    const server = await serve([...ARGS, '--audit', '-', '--audit-required'])
    assert.equal(await mint(server), 200)
    const { stdout, stderr } = await end(server)
    assert.match(stdout, /^\{"seq":1,"time":"[^"]+","event":"audit.begun","chain":"/)
    assert.match(stderr, /"level":"info".*"event":"server.listening"/)
    const path = join(newFolder(), 'saved.log')
    writeFileSync(path, stdout)
    assert.equal((await run(['audit', 'verify', path])).code, 0)
  })

  it('loses no record to a slow reader: no token leaves until it reads', async () => {
    const server = await serve([...ARGS, '--audit', '-', '--audit-required'])
    server.child.stdout?.pause()
    const statuses: number[] = []
    for (let at = 0; at < 3000 && !statuses.includes(503); at += 1) statuses.push(await mint(server))
    assert.equal(statuses.at(-1), 503)
    assert.equal((await readiness(server))[0], 503)
    server.child.stdout?.resume()
    await until(async () => await mint(server) === 200)
    const minted = statuses.filter((status) => status === 200).length
    const { stdout, stderr } = await end(server)
    assert.match(stderr, /"event":"audit.failed","code":"stalled"/)
    const path = join(newFolder(), 'saved.log')
    writeFileSync(path, stdout)
    assert.equal((await run(['audit', 'verify', path])).code, 0)
    assert.ok(readFileSync(path, 'utf8').split('"event":"token.minted"').length - 1 > minted)
    assert.doesNotMatch(stdout, /audit.recovered/)
  })

  it('needs one process', async () => {
    const { code, stderr } = await run([...ARGS, '--audit', '-', '--workers', '2'])
    assert.deepEqual([code, /--audit is - but one process alone can write to standard output/.test(stderr)], [78, true])
  })
})
