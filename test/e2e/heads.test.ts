import assert from 'node:assert/strict'
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { newFolder } from '../support/folder.ts'
import { newKek } from '../support/kek.ts'
import { end, run, serve, type ServerProcess } from '../support/process.ts'
import { shareOf, someOf } from '../support/share.ts'

/** Right side of (1): two seconds. */
const TIMING = ['--preset', 'fast', '--jwks-max-age', '1s']

interface Place {
  readonly folder: string
  readonly ring: string
  readonly log: string
  readonly args: readonly string[]
  readonly admin: readonly string[]
}

async function newPlace(...more: readonly string[]): Promise<Place> {
  const folder = newFolder()
  const [ring, log] = [join(folder, 'ring.json'), join(folder, 'audit.log')]
  const admin = ['--admin', `unix:${join(folder, 'admin')}`]
  const store = ['--store', `file:${ring}`, '--kek-file', newKek(folder)]
  return { folder, ring, log, admin, args: ['--alg', 'ES256', ...TIMING, ...store, ...admin, ...more] }
}

async function kids({ url }: ServerProcess): Promise<readonly string[]> {
  const { keys } = await (await fetch(`${url}/jwks.json`)).json() as { keys: readonly { readonly kid: string }[] }
  return keys.map(({ kid }) => kid)
}

async function ready({ url }: ServerProcess): Promise<readonly [number, { readonly signs_at?: string }]> {
  const answer = await fetch(`${url}/readyz`)
  return [answer.status, await answer.json() as { signs_at?: string }]
}

/** A stolen key is revoked, and an old copy of the ring is put back; answers the key. */
async function rolledBack({ ring, args, admin }: Place): Promise<string> {
  const server = await serve(args)
  const [stolen = ''] = await kids(server)
  copyFileSync(ring, `${ring}.old`)
  const revoked = await run(['revoke', stolen, ...admin, '--force', '--reason', 'stolen'])
  assert.equal(revoked.code, 0, revoked.stderr)
  await end(server)
  renameSync(`${ring}.old`, ring)
  return stolen
}

function generationIn(path: string): number {
  return (JSON.parse(readFileSync(path, 'utf8')) as { ring: { generation: number } }).ring.generation
}

describe('a start on an older ring', () => {
  it('E7 is refused by the audit log, which names the revocation that would be undone', async () => {
    const place = await newPlace()
    const args = [...place.args, '--audit', place.log]
    const stolen = await rolledBack({ ...place, args })
    const generation = generationIn(place.ring)
    const content = readFileSync(place.ring)
    for (const more of [[], ['--accept-rollback', `${generation + 1}:a guess`]]) {
      const { code, stderr } = await run(['--port', '0', ...args, ...more])
      assert.equal(code, 78)
      assert.match(stderr, new RegExp(`The store holds ring ${generation}, but ring \\d+ was in force here`))
      assert.match(stderr, new RegExp(`It would undo the revocation of ${stolen}`))
      assert.match(stderr, new RegExp(`--accept-rollback ${generation}:REASON \\(rolled_back\\)`))
    }
    assert.deepEqual(readFileSync(place.ring), content)
  })

  it('E7 is accepted once by its generation, recorded, and signs when every cache has its key set', async () => {
    const place = await newPlace('--open-auth')
    const args = [...place.args, '--audit', place.log]
    const stolen = await rolledBack({ ...place, args })
    const accept = ['--accept-rollback', `${generationIn(place.ring)}:the disk burnt`]
    copyFileSync(place.ring, `${place.ring}.old`)
    const server = await serve([...args, ...accept])
    assert.equal((await kids(server))[0], stolen)
    const [status, { signs_at: signsAt }] = await ready(server)
    assert.equal(status, 503)
    assert.match(signsAt ?? '', /^\d{4}-/)
    assert.equal((await fetch(`${server.url}/auth`, { method: 'POST' })).status, 503)
    for (let attempt = 0; attempt < 60 && (await ready(server))[0] !== 200; attempt += 1) await setTimeout(100)
    assert.equal((await ready(server))[0], 200)
    assert.equal((await fetch(`${server.url}/auth`, { method: 'POST' })).status, 200)
    const { stdout } = await end(server)
    assert.match(stdout, /"event":"rollback.accepted","generation":\d+,"known":\d+,"reason":"the disk burnt"/)
    assert.match(readFileSync(place.log, 'utf8'), /"event":"rollback.accepted"/)
    // A second start is an ordinary one, and the same old copy needs another decision.
    await end(await serve([...args, ...accept]))
    renameSync(`${place.ring}.old`, place.ring)
    writeFileSync(place.ring, readFileSync(place.ring))
    assert.equal((await run(['audit', 'verify', place.log])).code, 0)
  })

  it('E7 signs sooner when an operator forces it', async () => {
    const place = await newPlace('--open-auth', '--jwks-max-age', '29s')
    const args = [...place.args.filter((arg, at, all) => arg !== '1s' && !(arg === '--jwks-max-age' && all[at + 1] === '1s'))]
    const logged = [...args, '--audit', place.log]
    await rolledBack({ ...place, args: logged })
    const server = await serve([...logged, '--accept-rollback', `${generationIn(place.ring)}:drill`])
    assert.equal((await ready(server))[0], 503)
    const forced = await run(['rotate', ...place.admin, '--force', '--reason', 'drill'])
    assert.equal(forced.code, 0, forced.stderr)
    assert.equal((await ready(server))[0], 200)
    await end(server)
  })

  it('E7 is refused by a witness, where there is no audit log', async () => {
    const place = await newPlace()
    const args = [...place.args, '--witness', join(place.folder, 'witness')]
    const stolen = await rolledBack({ ...place, args })
    const { code, stderr } = await run(['--port', '0', ...args])
    assert.deepEqual([code, stderr.includes(`undo the revocation of ${stolen}`)], [78, true], stderr)
    rmSync(place.ring)
    const empty = await run(['--port', '0', ...args])
    assert.deepEqual([empty.code, /The store is empty, but ring \d+ was in force/.test(empty.stderr)], [78, true])
    const server = await serve([...args, '--accept-rollback', '0:the store is gone'])
    assert.equal((await kids(server)).includes(stolen), false)
    await end(server)
    await end(await serve(args))
  })
})

describe('a start on an older audit log', () => {
  it('E7 is refused if the log is missing, shorter or another one, and an order that fits goes on without it', async () => {
    const place = await newPlace()
    const args = [...place.args, '--audit', place.log]
    await end(await serve(args))
    copyFileSync(place.log, `${place.log}-old`)
    const server = await serve(args)
    assert.equal((await run(['rotate', ...place.admin, '--force', '--reason', 'drill'])).code, 0)
    await end(server)
    const whole = readFileSync(place.log)
    const harms: readonly (readonly [() => unknown, RegExp])[] = [
      [
        () => [rmSync(place.log), renameSync(`${place.log}-old`, `${place.log}old`)],
        /The audit log of this server is missing: the ring knows \d+ records of it/,
      ],
      [
        () => [rmSync(place.log), renameSync(`${place.log}old`, `${place.log}-old`)],
        /The audit log ends with record \d+, but the ring knows \d+ of it/,
      ],
      [() => copyFileSync(`${place.log}-old`, place.log), /The audit log ends with record \d+, but the ring knows \d+ of it/],
    ]
    for (const [harm, problem] of harms) {
      harm()
      const refused = await run(['--port', '0', ...args])
      assert.deepEqual([refused.code, problem.test(refused.stderr)], [78, true], refused.stderr)
      writeFileSync(place.log, whole)
    }
    await end(await serve(args))
    for (const path of [place.log, `${place.log}-old`]) rmSync(path)
    const again = await serve([...args, '--accept-rollback', `${generationIn(place.ring)}:lost`])
    assert.equal((await ready(again))[0], 200)
    await end(again)
    await end(await serve(args))
  })

  it('goes on if the log was moved while no server ran, by a crash or by what rotates logs', async () => {
    for (const ending of someOf(['.1', '-20261126'])) {
      const place = await newPlace()
      const args = [...place.args, '--audit', place.log]
      await end(await serve(args), 'SIGKILL')
      renameSync(place.log, `${place.log}${ending}`)
      // Nothing of ours, though its name begins alike.
      writeFileSync(`${place.log}.notes`, '')
      await end(await serve(args))
      const { code, stderr } = await run(['audit', 'verify', place.log, '--before', `${place.log}${ending}`])
      assert.equal(code, 0, stderr)
    }
  })

  it('takes the log of another worker for no part of its own', async () => {
    const place = await newPlace('--workers', '2')
    const args = [...place.args, '--audit', place.log]
    const both = async (): Promise<unknown> => {
      const server = await serve(args)
      while (!existsSync(`${place.log}.2`)) await setTimeout(20)
      return await end(server)
    }
    await both()
    renameSync(place.log, `${place.log}.1`)
    writeFileSync(`${place.log}.2`, readFileSync(`${place.log}.2`))
    await both()
    const { code, stderr } = await run(['audit', 'verify', place.log, '--before', `${place.log}.1`])
    assert.equal(code, 0, stderr)
  })

  it('does not happen by crashes: kills at many moments, and each start goes on', async () => {
    const place = await newPlace()
    const args = [...place.args, '--audit', place.log]
    for (let round = 0; round < 20; round += 20 / shareOf(20)) {
      const server = await serve(args)
      if (round % 4 === 0) void run(['rotate', ...place.admin, '--force', '--reason', 'drill'])
      await setTimeout(round * 10)
      await end(server, 'SIGKILL')
    }
    await end(await serve(args))
    assert.equal((await run(['audit', 'verify', place.log])).code, 0)
  })
})
