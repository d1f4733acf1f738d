import assert from 'node:assert/strict'
import {
  appendFileSync, constants, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, truncateSync, writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { AuditLog } from '../../src/audit/log.ts'
import { verifyLog } from '../../src/audit/verify.ts'
import type { LineFile } from '../../src/audit/file.ts'
import type { Event } from '../../src/core/event.ts'
import { type Instant, instant, seconds } from '../../src/core/time.ts'
import type { Signer } from '../../src/jose/signer.ts'
import { unpublishedSigner } from '../../src/jose/unstored.ts'
import { openLineFile } from '../../src/stores/line-file.ts'
import { openLinePipe } from '../../src/stores/line-pipe.ts'
import { newFolder } from '../support/folder.ts'

let signer: Signer
before(async () => {
  signer = await unpublishedSigner('ES256', 2048)
})

interface Desk {
  readonly log: AuditLog
  readonly file: LineFile
  readonly told: Event[]
  now: Instant
}

/** A started log in a file, which is full with 2 kB and after a day. */
async function logIn(file: LineFile): Promise<Desk> {
  const told: Event[] = []
  const desk = { now: instant(1_800_000_000), told, file }
  const log = new AuditLog({
    file,
    now: () => desk.now,
    signer: () => signer,
    emit: (event) => told.push(event),
    newChain: () => 'chain-of-this-test',
    maxBytes: file.place === undefined ? undefined : 2048,
    maxAge: seconds(86_400),
  })
  await log.start(undefined)
  return Object.assign(desk, { log })
}

const event = (code: string): Event => ({ name: 'store.failed', code, detail: '' })

function linesOf(...paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => readFileSync(path, 'utf8').trimEnd().split('\n'))
}

/** How the records in these files are judged: `whole`, or the record and its fault. */
async function verdict(isOpen: boolean, ...paths: readonly string[]): Promise<string> {
  const lines = linesOf(...paths)
  const found = await verifyLog((async function* () { yield* lines })(), { keys: undefined, head: undefined, isOpen })
  return found.ok ? 'whole' : `${found.error.record} ${found.error.what}`
}

const names = (told: readonly Event[]): readonly string[] =>
  told.map((one) => 'code' in one ? `${one.name} ${one.code}` : one.name)

describe('a log in files', () => {
  const begun = async (): Promise<Desk & { readonly path: string }> => {
    const path = join(newFolder(), 'audit.log')
    return Object.assign(await logIn(await openLineFile(path)), { path })
  }
  const aside = (path: string): readonly string[] => readdirSync(join(path, '..')).toSorted()
    .filter((name) => /^audit\.log\..{8}\.\d{12}$/.test(name)).map((name) => join(path, '..', name))

  it('is put aside when it is large, signed, and the next file begins with its head', async () => {
    const { log, path, told } = await begun()
    for (let round = 0; round < 3; round += 1) {
      for (let at = 0; at < 20; at += 1) log.record(event(`${round} ${at}`))
      await log.written()
      await log.tick()
    }
    await log.close()
    const files = aside(path)
    assert.equal(files.length, 3)
    assert.ok(files[0]?.endsWith('audit.log.chain-of.000000000001'), files[0])
    assert.equal(await verdict(false, ...files, path), 'whole')
    for (const file of [...files, path]) assert.equal(await verdict(false, file), 'whole', file)
    assert.equal(await verdict(false, files[0] as string, files[2] as string, path), '23 removed')
    assert.equal(told.filter(({ name }) => name === 'audit.segment').length, 3)
  })

  it('is put aside when it is old, also when it was begun by an earlier process', async () => {
    const first = await begun()
    first.log.record(event('one'))
    await first.log.close()
    const next = await logIn(await openLineFile(first.path))
    next.now = instant(next.now + 86_400)
    await next.log.tick()
    await next.log.close()
    assert.equal(aside(first.path).length, 1)
    assert.equal(await verdict(false, ...aside(first.path), first.path), 'whole')
  })

  it('notices a tick later that its file was moved, and goes on in a new one when it is told to', async () => {
    const { log, path, told } = await begun()
    log.record(event('one'))
    await log.written()
    renameSync(path, `${path}.1`)
    await log.tick()
    assert.equal(log.isWritten(), false)
    log.record(event('two'))
    assert.equal(await log.written(), false)
    await log.reopen()
    log.record(event('three'))
    assert.equal(await log.written(), true)
    await log.close()
    assert.equal(await verdict(false, `${path}.1`), 'whole')
    assert.equal(await verdict(false, `${path}.1`, path), 'whole')
    const failures = names(told).filter((name) => /failed|recovered/.test(name))
    assert.deepEqual(failures, ['audit.failed moved', 'audit.recovered'])
  })

  it('can be judged at every moment while it is renewed', async () => {
    const path = join(newFolder(), 'audit.log')
    const file = await openLineFile(path)
    for (let at = 0; at < 20; at += 1) {
      renameSync(path, `${path}.${at}`)
      let isRenewed = false
      const renewing = file.renew('aside').then(() => isRenewed = true)
      while (!isRenewed) {
        assert.equal(file.fault(), undefined)
        await new Promise(setImmediate)
      }
      await renewing
    }
    await file.close()
  })

  it('takes an empty file that what rotates logs has made, and no other', async () => {
    const { log, path, told } = await begun()
    log.record(event('one'))
    await log.written()
    renameSync(path, `${path}.1`)
    writeFileSync(path, 'PRECIOUS')
    await log.reopen()
    assert.equal(readFileSync(path, 'utf8'), 'PRECIOUS')
    assert.equal(log.isWritten(), false)
    assert.ok(names(told).includes('audit.failed ENOTEMPTY'))
    writeFileSync(path, '')
    await log.reopen()
    assert.equal(log.isWritten(), true)
    await log.close()
    assert.equal(await verdict(false, `${path}.1`, path), 'whole')
  })

  it('notices that its file was deleted, or cut, and begins a new file', async () => {
    const faults: readonly (readonly [(path: string) => void, string])[] = [
      [(path) => rmSync(path), 'moved'],
      [(path) => truncateSync(path, 0), 'truncated'],
      [(path) => truncateSync(path, 50), 'truncated'],
    ]
    for (const [harm, code] of faults) {
      const { log, path, told } = await begun()
      log.record(event('one'))
      await log.written()
      harm(path)
      await log.tick()
      assert.ok(names(told).includes(`audit.failed ${code}`), code)
      assert.equal(log.isWritten(), false)
      await log.reopen()
      assert.equal(await log.written(), true)
      await log.close()
      assert.equal(await verdict(false, path), 'whole', code)
      assert.match(linesOf(path)[0] ?? '', /"event":"audit.segment","chain":"chain-of-this-test"/)
    }
  })

  it('continues the newest file that was put aside, where a crash left none or an empty one at its path', async () => {
    const states: readonly ((path: string) => void)[] = [
      () => {},
      (path) => writeFileSync(path, ''),
      (path) => writeFileSync(`${path}.next`, 'x'),
    ]
    for (const leave of states) {
      const { log, path } = await begun()
      log.record(event('one'))
      await log.close()
      const put = `${path}.chain-of.000000000001`
      renameSync(path, put)
      leave(path)
      const next = await logIn(await openLineFile(path))
      next.log.record(event('two'))
      await next.log.close()
      assert.equal(await verdict(false, put, path), 'whole')
      assert.deepEqual(names(next.told), ['audit.segment', 'audit.checkpoint'])
    }
  })

  it('E15 is opened so that a write ends on the disk, which needs no fsync', async () => {
    const path = join(newFolder(), 'audit.log')
    const { log } = await logIn(await openLineFile(path))
    const open = readdirSync('/proc/self/fd').find((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === path
      } catch {
        return false
      }
    })
    const flags = /flags:\s*0(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${open}`, 'utf8'))?.[1] ?? ''
    assert.equal(Number.parseInt(flags, 8) & constants.O_SYNC, constants.O_SYNC)
    await log.close()
  })

  it('goes on behind a part of a line that a full disk took', async () => {
    const { log, path, file } = await begun()
    log.record(event('one'))
    await log.written()
    const size = file.size()
    await log.close()
    appendFileSync(path, '{"seq":3,')
    const next = await logIn(await openLineFile(path))
    assert.ok(next.file.size() >= size)
    await next.log.close()
    assert.equal(await verdict(false, path), 'whole')
  })
})

describe('records that gather while a write is under way', () => {
  /** A file whose writes end when the test says so. */
  const slow = (): LineFile & { readonly writes: string[]; finish: (() => void)[] } => {
    const made = {
      ...openLinePipe(1),
      writes: [] as string[],
      finish: [] as (() => void)[],
      append: (lines: string) => new Promise<void>((resolve) => {
        made.finish.push(() => {
          made.writes.push(lines)
          resolve()
        })
      }),
    }
    return made
  }
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

  it('E15 are written together, and nobody is told that they are on the disk before', async () => {
    const file = slow()
    const { log } = await logIn(file)
    file.finish.shift()?.()
    await turn()
    log.record(event('one'))
    await turn()
    let told: boolean | undefined
    void log.written().then((written) => told = written)
    await turn()
    for (let at = 0; at < 500; at += 1) log.record(event(`${at}`))
    const later = log.written()
    await turn()
    assert.equal(told, undefined)
    file.finish.shift()?.()
    await turn()
    assert.equal(told, true)
    file.finish.shift()?.()
    assert.equal(await later, true)
    assert.equal(file.writes.length, 3)
    assert.equal(file.writes[2]?.trimEnd().split('\n').length, 500)
  })

  it('are a failure while a write stalls, and none of them is lost', async () => {
    const file = slow()
    const desk = await logIn(file)
    const { log, told } = desk
    log.record(event('one'))
    const written = log.written()
    await turn()
    desk.now = instant(desk.now + 3)
    await log.tick()
    assert.equal(await written, false)
    assert.equal(log.isWritten(), false)
    log.record(event('two'))
    file.finish.shift()?.()
    await turn()
    file.finish.shift()?.()
    await turn()
    assert.equal(log.isWritten(), true)
    assert.match(file.writes.join(''), /"code":"one"[^]*"code":"two"/)
    assert.deepEqual(names(told), ['audit.begun', 'audit.failed stalled', 'audit.recovered'])
  })

  it('are tried again until they are written, if what they tell of was done all the same', async () => {
    const file = slow()
    const failing = { isFull: true, writes: '' }
    const desk = await logIn({ ...file, append: async (lines) => {
      if (failing.isFull) throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
      failing.writes += lines
    } })
    const { log } = desk
    log.record({ name: 'key.revoked', kid: 'stolen', alg: 'ES256' })
    log.record(event('lost'))
    assert.equal(await log.written(), false)
    await log.tick()
    assert.equal(await log.written(), false)
    failing.isFull = false
    await log.tick()
    await turn()
    assert.equal(await log.written(), true)
    const names = failing.writes.trimEnd().split('\n').map((line) => (JSON.parse(line) as { event: string }).event)
    assert.deepEqual(names, ['audit.recovered', 'key.revoked'])
  })

  it('E11 are few, whatever a stranger does: ten of a kind a minute, and a count', async () => {
    const path = join(newFolder(), 'audit.log')
    const desk = await logIn(await openLineFile(path))
    for (let minute = 0; minute < 3; minute += 1) {
      for (let at = 0; at < 5000; at += 1) {
        desk.log.record({ name: 'client.refused', client: 'unknown', address: `192.0.2.${at % 256}`, reason: 'secret' })
      }
      desk.now = instant(desk.now + 60)
    }
    desk.log.record(event('other'))
    await desk.log.close()
    const records = linesOf(path).map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.equal(records.filter((one) => one['event'] === 'client.refused').length, 30)
    const counts = records.filter((one) => one['event'] === 'audit.folded')
    assert.deepEqual(counts.map(({ folded, count }) => [folded, count]), Array(3).fill(['client.refused', 4990]))
    assert.equal(await verdict(false, path), 'whole')
  })
})
