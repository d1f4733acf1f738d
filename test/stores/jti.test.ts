import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { instant } from '../../src/core/time.ts'
import { StoreUnavailable } from '../../src/keyring/store.ts'
import { type JtiStore, MAX_MARKS_PER_CLIENT } from '../../src/oauth/jti-store.ts'
import { jtiFolder, timeOf } from '../../src/stores/jti-folder.ts'
import { jtiMemory } from '../../src/stores/jti-memory.ts'
import { newFolder } from '../support/folder.ts'
import { clock, isRevoked, jtiContract, later, of, setClock, START } from './jti-contract.ts'

/** Waits for what happens in the background. */
async function until(isDone: () => Promise<boolean> | boolean): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (await isDone()) return
    await pause(10)
  }
  assert.fail('It does not happen')
}

/** Each kind of store, and how many marks a client may have in it here. */
const KINDS: readonly (readonly [string, () => JtiStore, number])[] = [
  ['memory', () => jtiMemory(clock), MAX_MARKS_PER_CLIENT],
  ['a folder', () => jtiFolder(join(newFolder(), 'ring.json.jti'), clock, 100), 100],
]
for (const [kind, make, most] of KINDS) {
  jtiContract(kind, make, most)

  describe(`the marks of ${kind}`, () => {
    it('are gone some time after they are over, and not before', async () => {
      const store = make()
      await store.use(of('short', 10))
      await store.use(of('long', 1000))
      setClock(later(9))
      assert.equal(await store.use(of('short', 10)), 'known')
      setClock(later(200))
      await store.use(of('another', 10))
      await until(async () => await store.use(of('short', 10)) === 'new')
      assert.equal(await store.use(of('long', 10)), 'known')
      setClock(instant(START))
    })

    it('E6 are refused to a full pot without looking through it', async () => {
      const store = make()
      await Promise.all(Array.from({ length: most }, (_none, at) => store.use(of(`${at}`, 600))))
      const begun = performance.now()
      for (let at = 0; at < 1000; at += 1) assert.equal(await store.use(of(`more ${at}`, 600)), 'full')
      const perRefusal = (performance.now() - begun) / 1000
      assert.ok(perRefusal < 2, `a refusal took ${perRefusal} ms`)
    })
  })
}

describe('the marks of a folder', () => {
  it('are seen by every process at once, and by the next one', async () => {
    const folder = join(newFolder(), 'jti')
    const [one, other] = [jtiFolder(folder, clock), jtiFolder(folder, clock)]
    const set = await Promise.all([one, other, one, other].map((store) => store.use(of('id'))))
    assert.equal(set.filter((done) => done === 'new').length, 1)
    assert.equal(await jtiFolder(folder, clock).use(of('id')), 'known')
  })

  it('lie in files and a folder that only their owner can reach', async () => {
    const folder = join(newFolder(), 'jti')
    await jtiFolder(folder, clock).use(of('id'))
    assert.equal(statSync(folder).mode & 0o777, 0o700)
    const modes = readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mode & 0o777])
    assert.deepEqual(modes, [['clients', 0o700], ['used-id', 0o600]])
  })

  it('hold when they are over, and so does the moment of a client', async () => {
    const folder = join(newFolder(), 'jti')
    const store = jtiFolder(folder, clock, 1)
    await store.use(of('id', 100))
    assert.equal(readFileSync(join(folder, 'used-id'), 'latin1'), `${later(100)}\n`)
    for (const id of ['one', 'two', 'three']) await store.revoke(of(id, 100))
    const [name = '', ...others] = readdirSync(join(folder, 'clients'))
    assert.deepEqual(others, [])
    assert.equal(readFileSync(join(folder, 'clients', name), 'latin1'), `${START}\n`)
    assert.equal(await timeOf(join(folder, 'clients', name)), START)
  })

  it('of an older version, empty files, are over at their modification time, and so is half a mark', async () => {
    const folder = newFolder()
    for (const content of ['', '17', `${later(100)}`, 'x\n']) {
      writeFileSync(join(folder, 'used-id'), content)
      utimesSync(join(folder, 'used-id'), later(5), later(5))
      assert.equal(await timeOf(join(folder, 'used-id')), later(5), content)
      assert.equal(await jtiFolder(folder, clock).use(of('id')), 'known')
    }
    assert.equal(await timeOf(join(folder, 'used-other')), undefined)
  })

  it('that another process left are removed when they are over, the others stay', async () => {
    const folder = newFolder()
    const write = (name: string, length: number): void => {
      writeFileSync(join(folder, name), '', { mode: 0o600 })
      utimesSync(join(folder, name), later(length), later(length))
    }
    write('used-old', -300)
    write('revoked-live', 3000)
    mkdirSync(join(folder, 'clients'))
    const store = jtiFolder(folder, clock)
    await pause(100)
    await store.use(of('id'))
    await until(() => !existsSync(join(folder, 'used-old')))
    assert.equal(await isRevoked(store, 'live'), true)
  })

  it('need a folder only once: many requests at once make it together', async () => {
    const store = jtiFolder(join(newFolder(), 'jti'), clock)
    const set = await Promise.all(Array.from({ length: 60 }, (_none, at) => store.use(of(String(at)))))
    assert.deepEqual(new Set(set), new Set(['new']))
  })

  it('are an error, not an answer, when the folder cannot be used', { skip: process.getuid?.() === 0 }, async () => {
    const folder = newFolder()
    chmodSync(folder, 0)
    await assert.rejects(jtiFolder(join(folder, 'jti'), clock).use(of('id')), StoreUnavailable)
    chmodSync(folder, 0o700)
  })

  it('are an error when something else is in the way', async () => {
    const folder = newFolder()
    const impossible = jtiFolder(join(folder, 'missing', '\0'), clock)
    await assert.rejects(impossible.use(of('id')), StoreUnavailable)
    await assert.rejects(impossible.isRevoked([{ client: 'client', id: 'id' }], 0), StoreUnavailable)
  })
})
