import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync, chownSync, linkSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { sha256 } from '../../src/jose/digest.ts'
import { openLineFile } from '../../src/stores/line-file.ts'
import { type Release, takeLock } from '../../src/stores/lock.ts'
import { systemRandom } from '../../src/system/random.ts'
import { newFolder } from '../support/folder.ts'
import { shareOf } from '../support/share.ts'

const COUNTER = fileURLToPath(new URL('../support/lock-counter.js', import.meta.url))
const NOBODY = 65_534
const isRoot = process.getuid?.() === 0
const othersRunNode = isRoot && spawnSync(process.execPath, ['-e', ''], { uid: NOBODY, gid: NOBODY }).status === 0
const unlessRoot = othersRunNode ? false : 'only root can act as another user, who must be able to run this Node.js'
/** A second, and what a busy machine adds. */
const LATE_MS = 3000
const unlessNamespaces = spawnSync('unshare', ['-n', 'true']).status === 0 ? false : 'this user may not run unshare -n'

const children = new Set<ChildProcess>()
after(() => children.forEach((child) => child.kill('SIGKILL')))

interface Place {
  readonly path: string
  readonly oldName: string
}

function newPlace(): Place {
  const path = join(newFolder(), 'file')
  writeFileSync(path, '0')
  return { path, oldName: `jwksd-test-${Buffer.from(systemRandom(8)).toString('hex')}` }
}

const lockFolder = ({ path }: Place): string => `${path}.lock`

async function taken(place: Place): Promise<Release> {
  const release = await takeLock(place)
  assert.ok(release !== undefined, 'the lock was not taken')
  return release
}

/** A process that counts; answers how often it has, once it has ended. */
function start(command: readonly string[]): { readonly child: ChildProcess; readonly done: Promise<number> } {
  const [file = '', ...args] = command
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  children.add(child)
  let [stdout, stderr] = ['', '']
  child.stdout?.on('data', (chunk: Buffer) => stdout += chunk.toString())
  child.stderr?.on('data', (chunk: Buffer) => stderr += chunk.toString())
  const done = once(child, 'close').then(([code, signal]) => {
    children.delete(child)
    assert.ok(code === 0 || signal === 'SIGKILL', stderr)
    return stdout.length
  })
  return { child, done }
}

function counter(kind: 'new' | 'old', { path, oldName }: Place, count: number): readonly string[] {
  return [process.execPath, COUNTER, kind, path, oldName, String(count)]
}

/** Runs a program of Node.js as nobody, until the test ends; resolves once it has printed. */
async function asNobody(program: string): Promise<void> {
  const as = { uid: NOBODY, gid: NOBODY } as const
  const child = spawn(process.execPath, ['-e', program], { ...as, stdio: ['ignore', 'pipe', 'inherit'] })
  children.add(child)
  await once(child.stdout, 'data')
}

const HOLD = (name: string): string => `
  const { createServer } = require('net')
  createServer().listen('\\0${name}', () => console.log('held'))`

/** Binds the name as soon as it is free, and lets go of it after so many milliseconds, as a user who polls would. */
const POLL = (ms: number) => (name: string): string => `
  const { createServer } = require('net')
  const take = () => {
    const server = createServer()
    server.on('error', () => setImmediate(take))
    server.listen('\\0${name}', () => {
      process.stdout.write('held')
      setTimeout(() => server.close(take), ${ms})
    })
  }
  take()`

describe('takeLock()', () => {
  it('E1 has one holder, and another as soon as that one releases it', async () => {
    const place = newPlace()
    const release = await taken(place)
    assert.equal(await takeLock({ ...place, attempts: 1 }), undefined)
    const next = takeLock(place)
    await release()
    assert.ok(await next)
  })

  it('keeps one socket in its folder, however often it is taken', async () => {
    const place = newPlace()
    for (let round = 0; round < 5; round += 1) await (await taken(place))()
    assert.deepEqual(readdirSync(lockFolder(place)), ['lock.5'])
    assert.equal(lstatSync(lockFolder(place)).mode & 0o777, 0o700)
  })

  it('gives way to a newer holder, although the socket before its own is gone', async () => {
    const place = newPlace()
    const release = await taken(place)
    const newer = createServer().listen(join(lockFolder(place), 'private'))
    await once(newer, 'listening')
    linkSync(join(lockFolder(place), 'private'), join(lockFolder(place), 'lock.7'))
    assert.equal(await takeLock({ ...place, attempts: 2 }), undefined)
    newer.close()
    await release()
    await (await taken(place))()
    assert.deepEqual(readdirSync(lockFolder(place)), ['lock.8'])
  })

  it('E1 loses no count of processes that are killed at any moment', async () => {
    const place = newPlace()
    const kills = shareOf(100)
    let counted = 0
    for (let kill = 0; kill < kills; kill += 4) {
      const racers = Array.from({ length: 4 }, () => start(counter('new', place, 1_000_000)))
      await Promise.all(racers.map(({ child }) => once(child.stdout as NodeJS.ReadableStream, 'data')))
      for (const { child, done } of racers) {
        await setTimeout(Math.random() * 20)
        child.kill('SIGKILL')
        counted += await done
      }
    }
    const stored = Number(readFileSync(place.path, 'utf8'))
    // A process that is killed after it has written has not printed.
    assert.ok(stored >= counted && stored <= counted + kills, `${stored} stored, ${counted} counted, ${kills} kills`)
    const began = performance.now()
    await (await taken(place))()
    assert.ok(performance.now() - began < LATE_MS, 'a killed holder held up the next one')
  })

  it('E1 holds between two network namespaces', { skip: unlessNamespaces }, async () => {
    const place = newPlace()
    const racers = Array.from({ length: 2 }, () => start(['unshare', '-n', ...counter('new', place, 100)]))
    const counted = await Promise.all([...racers, start(counter('new', place, 100))].map(({ done }) => done))
    assert.deepEqual([counted, readFileSync(place.path, 'utf8')], [[100, 100, 100], '300'])
  })

  it('E1 holds between the version before and this one', async () => {
    const place = newPlace()
    const racers = (['old', 'old', 'new', 'new'] as const).map((kind) => start(counter(kind, place, 75)))
    const counted = await Promise.all(racers.map(({ done }) => done))
    assert.deepEqual([counted, readFileSync(place.path, 'utf8')], [[75, 75, 75, 75], '300'])
  })

  it('waits for a process of the version before, and gives up in the end', async () => {
    const place = newPlace()
    const old = createServer().listen(`\0${place.oldName}`)
    const waiting = takeLock(place)
    await setTimeout(300)
    old.close()
    assert.ok(await waiting)
  })

  for (const [what, program] of [['holds', HOLD], ['polls for', POLL(20)], ['flickers in', POLL(1)]] as const) {
    it(`E10 waits less than a second for a user who ${what} the old lock`, { skip: unlessRoot }, async () => {
      const place = newPlace()
      chmodSync(join(place.path, '..'), 0o755)
      await asNobody(program(place.oldName))
      for (let round = 0; round < 5; round += 1) {
        const began = performance.now()
        await (await taken(place))()
        assert.ok(performance.now() - began < LATE_MS, `it took ${performance.now() - began} ms`)
      }
      const release = await taken({ ...place, oldName: 'jwksd-test-other' })
      assert.equal(await takeLock({ ...place, attempts: 1 }), undefined, 'a second holder')
      await release()
    })
  }

  it('E10 opens an audit log whose old lock another user holds', { skip: unlessRoot }, async () => {
    const path = join(newFolder(), 'audit.log')
    writeFileSync(path, '', { mode: 0o600 })
    const { dev, ino } = statSync(path)
    await asNobody(HOLD(`jwksd-log-${sha256(`${dev}/${ino}`).slice(0, 32)}`))
    const began = performance.now()
    const log = await openLineFile(path)
    assert.ok(performance.now() - began < LATE_MS)
    await assert.rejects(openLineFile(path), /another process writes it/)
    await log.close()
  })

  it('E10 lets no other user reach its sockets', { skip: unlessRoot }, async () => {
    const place = newPlace()
    chmodSync(join(place.path, '..'), 0o755)
    const release = await taken(place)
    const program = `require('net').connect('${lockFolder(place)}/lock.1').on('error', ({ code }) => console.log(code))`
    const { stdout } = spawnSync(process.execPath, ['-e', program], { uid: NOBODY, gid: NOBODY, encoding: 'utf8' })
    assert.equal(stdout, 'EACCES\n')
    await release()
  })

  it('works where the path is longer than the address of a socket may be', async () => {
    const folder = join(newFolder(), 'x'.repeat(100), 'y'.repeat(100))
    mkdirSync(folder, { recursive: true })
    const place = { ...newPlace(), path: join(folder, 'file') }
    const release = await taken(place)
    assert.equal(await takeLock({ ...place, attempts: 1 }), undefined)
    await release()
    await (await taken(place))()
    assert.deepEqual(readdirSync(lockFolder(place)), ['lock.2'])
  })
})

describe('the folder of a lock', () => {
  it('E19 is refused if another user made it', { skip: unlessRoot }, async () => {
    const place = newPlace()
    mkdirSync(lockFolder(place), 0o700)
    chownSync(lockFolder(place), NOBODY, NOBODY)
    await assert.rejects(takeLock(place), /file\.lock is not a folder that only user 0 can enter\. Remove it/)
  })

  it('E19 is refused if it is a link, a file, or open to others', async () => {
    const made: readonly (readonly [(path: string) => void, RegExp])[] = [
      [(path) => symlinkSync(newFolder(), path), /is not a folder that only/],
      [(path) => writeFileSync(path, ''), /is not a folder that only/],
      [(path) => mkdirSync(path) ?? chmodSync(path, 0o777), /is not a folder that only/],
    ]
    for (const [make, problem] of made) {
      const place = newPlace()
      make(lockFolder(place))
      await assert.rejects(takeLock(place), problem)
    }
  })

  it('is closed again to a group to which Kubernetes has opened it', async () => {
    const place = newPlace()
    mkdirSync(lockFolder(place))
    chmodSync(lockFolder(place), 0o2770)
    await (await taken(place))()
    assert.equal(statSync(lockFolder(place)).mode & 0o7777, 0o700)
  })

  it('belongs to this user in a volume of root that a group may write', { skip: unlessRoot }, async () => {
    const place = { ...newPlace(), path: join(newFolder(), 'new') }
    chmodSync(join(place.path, '..'), 0o2777)
    process.seteuid?.(NOBODY)
    try {
      await (await taken(place))()
    } finally {
      process.seteuid?.(0)
    }
    const { uid, mode } = statSync(lockFolder(place))
    assert.deepEqual([uid, mode & 0o777], [NOBODY, 0o700])
  })

  it('belongs to the owner of the file, whoever takes the lock first', { skip: unlessRoot }, async () => {
    const place = newPlace()
    chownSync(place.path, NOBODY, NOBODY)
    chmodSync(join(place.path, '..'), 0o755)
    await (await taken(place))()
    assert.equal(statSync(lockFolder(place)).uid, NOBODY)
    process.seteuid?.(NOBODY)
    try {
      await (await taken(place))()
    } finally {
      process.seteuid?.(0)
    }
    assert.deepEqual(readdirSync(lockFolder(place)), ['lock.2'])
  })
})
