import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import type { Force } from '../../src/audit/checkpoint.ts'
import { AuditLog } from '../../src/audit/log.ts'
import { type Expected, type LogFault, type LogSummary, verifyLog } from '../../src/audit/verify.ts'
import type { LineFile } from '../../src/audit/file.ts'
import type { Event } from '../../src/core/event.ts'
import type { Result } from '../../src/core/result.ts'
import { type Instant, instant, seconds } from '../../src/core/time.ts'
import { sha256 } from '../../src/jose/digest.ts'
import type { Signer } from '../../src/jose/signer.ts'
import { unpublishedSigner } from '../../src/jose/unstored.ts'
import { openLineFile } from '../../src/stores/line-file.ts'
import { newFolder } from '../support/folder.ts'
import { seeded } from '../support/random.ts'
import { someOf } from '../support/share.ts'

const CLOSED: Expected = { keys: undefined, head: undefined, isOpen: false }
const ALWAYS: Force = { from: -Infinity, to: Infinity, isRevoked: false }
const OPEN: Expected = { ...CLOSED, isOpen: true }

let signer: Signer
before(async () => {
  signer = await unpublishedSigner('ES256', 2048)
})

/** A file in memory that can fill up. */
interface Shelf extends LineFile {
  readonly lines: string[]
  isFull: boolean
}

function shelf(): Shelf {
  const made: Shelf = {
    lines: [],
    isFull: false,
    place: undefined,
    first: undefined,
    last: undefined,
    torn: '',
    append: async (lines) => {
      if (made.isFull) throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
      made.lines.push(...lines.trimEnd().split('\n'))
    },
    size: () => 0,
    fault: () => undefined,
    renew: async () => {},
    lastWith: () => undefined,
    close: async () => {},
  }
  return made
}

interface Desk {
  readonly log: AuditLog
  readonly told: Event[]
  now: Instant
}

function logOver(file: LineFile, by: () => Signer | undefined = () => signer): Desk {
  const told: Event[] = []
  const desk = { now: instant(1_800_000_000), told }
  return Object.assign(desk, {
    log: new AuditLog({
      file,
      now: () => desk.now,
      signer: by,
      emit: (event) => told.push(event),
      newChain: () => 'a-chain-of-this-test',
      maxBytes: undefined,
      maxAge: seconds(0),
    }),
  })
}

const minted = (jti: string): Event =>
  ({ name: 'token.minted', kid: 'k', alg: 'ES256', jti, subject: sha256(jti), aud: 'api', exp: 1 })

async function judge(lines: readonly string[], expected = CLOSED): Promise<Result<LogSummary, LogFault>> {
  return await verifyLog((async function* () { yield* lines })(), expected)
}

/** What was done to the log, as `record what`. */
async function verdict(lines: readonly string[], expected = CLOSED): Promise<string> {
  const found = await judge(lines, expected)
  return found.ok ? 'whole' : `${found.error.record} ${found.error.what}`
}

/** A closed log of 200 records, with a checkpoint in the middle. */
async function longLog(): Promise<readonly string[]> {
  const file = shelf()
  const { log } = logOver(file)
  for (let at = 1; at < 100; at += 1) log.record(minted(`first ${at}`))
  await log.checkpoint()
  for (let at = 101; at < 200; at += 1) log.record(minted(`second ${at}`))
  await log.close()
  return file.lines
}

describe('an audit log', () => {
  it('binds each record to the one before, and signs the last', async () => {
    const lines = await longLog()
    assert.equal(lines.length, 200)
    for (const [at, line] of lines.entries()) {
      const { seq, prev } = JSON.parse(line) as { seq: number; prev: string }
      assert.equal(seq, at + 1)
      assert.equal(prev, at === 0 ? '' : sha256(lines[at - 1] as string))
    }
    const value = { from: 1, records: 200, signed: 199, unvouched: [], kids: [signer.kid], revoked: [] }
    assert.deepEqual(await judge(lines), { ok: true, value })
  })

  it('signs after a thousand records, and after ten minutes, and not when nothing happened', async () => {
    const file = shelf()
    const desk = logOver(file)
    for (let at = 0; at < 1000; at += 1) desk.log.record(minted(`${at}`))
    while (file.lines.length < 1001) await new Promise((resolve) => setImmediate(resolve))
    assert.match(file.lines[1000] ?? '', /"event":"audit.checkpoint","covers":1000/)
    desk.now = instant(desk.now + 599)
    desk.log.record({ name: 'store.recovered' })
    await desk.log.tick()
    await desk.log.written()
    assert.equal(file.lines.length, 1002)
    desk.now = instant(desk.now + 1)
    await desk.log.tick()
    assert.equal(file.lines.length, 1003)
    desk.now = instant(desk.now + 6000)
    await desk.log.tick()
    assert.equal(file.lines.length, 1003)
    assert.equal(await verdict(file.lines), 'whole')
  })

  it('announces each checkpoint elsewhere, and the announced record can be asked for', async () => {
    const file = shelf()
    const { log, told } = logOver(file)
    log.record(minted('one'))
    await log.close()
    const [event] = told
    assert.ok(event?.name === 'audit.checkpoint')
    assert.deepEqual([event.seq, event.head], [2, sha256(file.lines[1] ?? '')])
    assert.equal(await verdict(file.lines, { ...CLOSED, head: { seq: 2, hash: event.head } }), 'whole')
    assert.equal(await verdict(file.lines, { ...CLOSED, head: { seq: 3, hash: event.head } }), '3 removed')
    assert.equal(await verdict(file.lines, { ...CLOSED, head: { seq: 1, hash: event.head } }), '1 altered')
  })

  it('holds no subject, and nothing of a token', async () => {
    const text = (await longLog()).join('\n')
    assert.doesNotMatch(text, /"sub"|"(?:d|priv)"/)
  })

  it('counts what it could not write, says so once, and writes the count as soon as it can', async () => {
    const file = shelf()
    const { log, told } = logOver(file)
    log.record(minted('one'))
    assert.equal(await log.written(), true)
    file.isFull = true
    for (const jti of ['two', 'three', 'four']) log.record(minted(jti))
    assert.equal(await log.written(), false)
    assert.equal(log.isWritten(), false)
    file.isFull = false
    log.record(minted('five'))
    assert.equal(await log.written(), true)
    assert.deepEqual(told, [{ name: 'audit.failed', code: 'ENOSPC' }, { name: 'audit.recovered', lost: 3 }])
    const written = file.lines.map((line) => (JSON.parse(line) as { event: string }).event)
    assert.deepEqual(written, ['token.minted', 'audit.recovered', 'token.minted'])
  })

  it('goes on without signatures while no key signs', async () => {
    const file = shelf()
    const { log } = logOver(file, () => undefined)
    log.record(minted('one'))
    await log.close()
    assert.equal(file.lines.length, 1)
    assert.equal(await verdict(file.lines), '1 unclosed')
    assert.equal(await verdict(file.lines, OPEN), 'whole')
  })
})

describe('verifyLog()', () => {
  let lines: readonly string[]
  before(async () => {
    lines = await longLog()
  })
  const without = (at: number): string[] => lines.toSpliced(at, 1)

  it('finds and names each record that was altered', async () => {
    for (const at of someOf([...lines.keys()])) {
      const line = lines[at] as string
      const isToken = line.includes('"jti"')
      const edited = isToken ? line.replace(/"jti":"[^"]*/, '"jti":"forged') : line.replace('2027', '2028')
      assert.notEqual(edited, line)
      assert.equal(await verdict(lines.with(at, edited)), `${at + 1} altered`)
    }
  })

  it('finds and names each record whose bond or number was altered, or that is no record any more', async () => {
    for (const at of someOf([...lines.keys()])) {
      const line = lines[at] as string
      // No hash in base64url begins like that one: an alteration that alters nothing would be none.
      const renumbered = line.replace(/"seq":\d+/, '"seq":100000')
      const unlinked = line.replace(/"prev":"[^"]{0,2}/, '"prev":"!!')
      for (const edited of [unlinked, renumbered, '{}', '', 'x', `${line} `]) {
        assert.equal(await verdict(lines.with(at, edited)), `${at + 1} altered`, `${at}: ${edited.slice(0, 40)}`)
      }
    }
  })

  it('finds and names each record that was removed', async () => {
    for (const at of someOf([...lines.keys()].slice(0, -1))) assert.equal(await verdict(without(at)), `${at + 1} removed`)
    assert.equal(await verdict(without(199)), '199 unclosed')
  })

  it('finds and names each record that stands twice', async () => {
    for (const at of someOf([...lines.keys()])) {
      assert.equal(await verdict(lines.toSpliced(at, 0, lines[at] as string)), `${at + 1} inserted`)
    }
  })

  it('finds and names the first of two records that changed places', async () => {
    const random = seeded(5)
    for (const at of someOf([...lines.keys()].slice(0, -1))) {
      const other = random.int(at + 1, lines.length - 1)
      for (const to of [at + 1, other]) {
        const swapped = lines.with(at, lines[to] as string).with(to, lines[at] as string)
        assert.equal(await verdict(swapped), `${at + 1} moved`)
      }
    }
  })

  it('finds the log cut after each record, and in the middle of each', async () => {
    for (const at of someOf([...lines.keys()].slice(1))) {
      const kept = lines.slice(0, at)
      assert.equal(await verdict(kept), at === 100 ? 'whole' : `${at} unclosed`)
      assert.equal(await verdict([...kept, (lines[at] as string).slice(0, 30)]), `${at + 1} altered`)
    }
    assert.equal(await verdict([]), '0 unclosed')
  })

  it('finds the log cut behind a checkpoint, when a later one was announced', async () => {
    const announced = { ...CLOSED, head: { seq: 200, hash: sha256(lines[199] as string) } }
    assert.equal(await verdict(lines, announced), 'whole')
    assert.equal(await verdict(lines.slice(0, 100), announced), '101 removed')
  })

  it('finds a record that was altered together with every bond behind it, by the checkpoint', async () => {
    for (const at of [0, 50, 98, 120, 198]) {
      const forged = [...lines]
      forged[at] = (forged[at] as string).replace(/"jti":"[^"]*/, '"jti":"forged')
      for (let next = at + 1; next < forged.length; next += 1) {
        const prev = sha256(forged[next - 1] as string)
        forged[next] = (forged[next] as string).replace(/"prev":"[^"]*"/, `"prev":"${prev}"`)
      }
      assert.equal(await verdict(forged), `${at < 99 ? 100 : 200} altered`)
    }
  })

  it('finds a bit that was flipped anywhere in a checkpoint', async () => {
    const last = Buffer.from(lines[199] as string)
    const bits = Array.from({ length: Math.ceil(last.length * 8 / 7) }, (_none, at) => at * 7)
    for (const bit of someOf(bits)) {
      const flipped = Buffer.from(last)
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      assert.notEqual(await verdict(lines.with(199, flipped.toString('latin1'))), 'whole', `bit ${bit}`)
    }
  })

  it('finds a checkpoint of another key, when the keys are given', async () => {
    assert.equal(await verdict(lines, { ...CLOSED, keys: new Map([[signer.kid, ALWAYS]]) }), 'whole')
    assert.equal(await verdict(lines, { ...CLOSED, keys: new Map([['another', ALWAYS]]) }), '100 foreign')
  })

  it('E14 counts a checkpoint only of a key in force at its time, and names a revoked signer', async () => {
    const judgedBy = (force: Partial<Force>): Promise<Result<LogSummary, LogFault>> =>
      judge(lines, { ...CLOSED, keys: new Map([[signer.kid, { ...ALWAYS, ...force }]]) })
    const outOfForce = { ok: false, error: { record: 100, what: 'out of force' } }
    // The records are of 1,800,000,000. Three years after its revocation, somebody signs with the stolen key.
    const later = 3 * 365 * 86_400
    assert.deepEqual(await judgedBy({ to: 1_800_000_000 - later, isRevoked: true }), outOfForce)
    assert.deepEqual(await judgedBy({ from: 1_800_000_000 + later }), outOfForce)
    const during = await judgedBy({ from: 1_799_999_000, to: 1_800_001_000, isRevoked: true })
    assert.deepEqual(during.ok && during.value.revoked, [signer.kid])
  })

  it('finds a checkpoint that was made for another log', async () => {
    const other = await longLog()
    const last = JSON.parse(other[199] as string) as Record<string, unknown>
    const moved = JSON.stringify({ ...last, prev: sha256(lines[198] as string) })
    assert.equal(await verdict(lines.with(199, moved)), '200 altered')
  })
})

describe('openLineFile()', () => {
  it('continues where the last process ended, in a file that its owner alone can read', async () => {
    const path = join(newFolder(), 'audit.log')
    for (const jti of ['one', 'two', 'three']) {
      const { log } = logOver(await openLineFile(path))
      log.record(minted(jti))
      await log.close()
    }
    assert.equal(statSync(path).mode & 0o777, 0o600)
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
    assert.equal(lines.length, 6)
    assert.equal(await verdict(lines), 'whole')
  })

  it('lets one process write at a time', async () => {
    const path = join(newFolder(), 'audit.log')
    const first = await openLineFile(path)
    await assert.rejects(openLineFile(path), /another process writes it/)
    await first.close()
    await (await openLineFile(path)).close()
  })

  it('cuts off what a crash left of a record, and says how much that was', async () => {
    const path = join(newFolder(), 'audit.log')
    const { log } = logOver(await openLineFile(path))
    log.record(minted('one'))
    await log.close()
    for (const rest of ['{"seq":3,"time":"20', 'ż', '\u0000\u0000\u0000']) {
      const before = readFileSync(path)
      appendFileSync(path, rest)
      const { log: next } = logOver(await openLineFile(path))
      await next.start(undefined)
      await next.close()
      const after = readFileSync(path)
      assert.deepEqual(after.subarray(0, before.length), before)
      const added = after.subarray(before.length).toString()
      assert.match(added, new RegExp(`"event":"audit.torn","bytes":${Buffer.byteLength(rest)}`))
    }
    assert.equal(await verdict(readFileSync(path, 'utf8').trimEnd().split('\n')), 'whole')
  })

  it('says that it was continued over records that nobody had signed, whoever wrote them', async () => {
    const path = join(newFolder(), 'audit.log')
    const { log } = logOver(await openLineFile(path))
    log.record(minted('one'))
    await log.close()
    // What an attacker can do without any key: the chain has no secret.
    const last = readFileSync(path, 'utf8').trimEnd().split('\n').at(-1) as string
    const forged = { seq: 3, time: 'x', event: 'operator.ordered', reason: 'forged', prev: sha256(last) }
    appendFileSync(path, `${JSON.stringify(forged)}\n`)
    const { log: next, told } = logOver(await openLineFile(path))
    await next.start(undefined)
    await next.close()
    assert.deepEqual(told.map(({ name }) => name), ['audit.unclosed', 'audit.checkpoint'])
    const found = await judge(readFileSync(path, 'utf8').trimEnd().split('\n'))
    assert.deepEqual(found.ok && found.value.unvouched, [[2, 3]])
  })

  it('covers what is recorded while the last checkpoint is being signed', async () => {
    const file = shelf()
    let late = 2
    const slow = { ...signer, sign: async (data: Uint8Array) => {
      late -= 1
      if (late >= 0) log.record(minted(`late ${late}`))
      return await signer.sign(data)
    } }
    const { log } = logOver(file, () => slow)
    log.record(minted('one'))
    await log.close()
    assert.equal(await verdict(file.lines), 'whole')
  })

  it('covers everything when it is closed while a checkpoint is being signed', async () => {
    const file = shelf()
    const { log } = logOver(file)
    log.record(minted('one'))
    void log.checkpoint()
    log.record(minted('two'))
    await log.close()
    assert.equal(await verdict(file.lines), 'whole')
  })

  it('touches no file that is no audit log', async () => {
    for (const content of ['PRECIOUS', 'a\nb\n', '{"seq":"1"}\n', '\n', 'one line\nand a rest']) {
      const path = join(newFolder(), 'notes.txt')
      writeFileSync(path, content)
      const file = await openLineFile(path)
      assert.throws(() => logOver(file), /it is not an audit log/, content)
      await file.close()
      assert.equal(readFileSync(path, 'utf8'), content)
    }
  })

  it('starts anew behind a first record that was never finished', async () => {
    const path = join(newFolder(), 'audit.log')
    writeFileSync(path, '{"seq":1,"ti')
    const { log } = logOver(await openLineFile(path))
    await log.start(undefined)
    await log.close()
    const [first = '', second = ''] = readFileSync(path, 'utf8').split('\n')
    assert.match(first, /^\{"seq":1,"time":"[^"]+","event":"audit.begun","chain":"a-chain-of-this-test","prev":""\}$/)
    assert.match(second, /"event":"audit.torn","bytes":12,/)
  })
})
