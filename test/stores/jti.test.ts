import assert from 'node:assert/strict'
import { chmodSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Clock, type Instant, instant } from '../../src/core/time.ts'
import { StoreUnavailable } from '../../src/keyring/store.ts'
import { type JtiStore, MAX_MARKS } from '../../src/oauth/jti-store.ts'
import { jtiFolder } from '../../src/stores/jti-folder.ts'
import { jtiMemory } from '../../src/stores/jti-memory.ts'
import { newFolder } from '../support/folder.ts'

const START = Math.floor(Date.now() / 1000)
let now = instant(START)
const clock: Clock = () => now
const later = (length: number): Instant => (now + length) as Instant

const KINDS: readonly (readonly [string, () => JtiStore])[] = [
  ['memory', () => jtiMemory(clock)],
  ['folder', () => jtiFolder(join(newFolder(), 'ring.json.jti'), clock)],
]
for (const [kind, make] of KINDS) {
  describe(`the marks of a ${kind}`, () => {
    it('B16 are set once, whoever asks how often at once', async () => {
      const store = make()
      const set = await Promise.all(Array.from({ length: 20 }, () => store.mark('used', 'id', later(60))))
      assert.equal(set.filter(Boolean).length, 1)
      assert.equal(await store.mark('used', 'id', later(600)), false)
    })

    it('are different for each meaning and each identifier', async () => {
      const store = make()
      assert.equal(await store.isMarked('revoked', 'id'), false)
      for (const mark of ['used', 'revoked'] as const) {
        for (const id of ['id', 'other']) assert.equal(await store.mark(mark, id, later(60)), true)
      }
      assert.equal(await store.isMarked('revoked', 'id'), true)
      assert.equal(await store.isMarked('revoked', 'third'), false)
    })

    it('are gone some time after they are over, and not before', async () => {
      const store = make()
      now = instant(START)
      await store.mark('used', 'short', later(10))
      await store.mark('used', 'long', later(1000))
      now = later(9)
      assert.equal(await store.mark('used', 'short', later(10)), false)
      now = later(200)
      await store.mark('used', 'another', later(10))
      assert.equal(await store.mark('used', 'short', later(10)), true)
      assert.equal(await store.mark('used', 'long', later(10)), false)
      now = instant(START)
    })
  })
}

describe('the marks of a folder', () => {
  it('are seen by every process at once, and by the next one', async () => {
    const folder = join(newFolder(), 'jti')
    const [one, other] = [jtiFolder(folder, clock), jtiFolder(folder, clock)]
    const set = await Promise.all([one, other, one, other].map((store) => store.mark('used', 'id', later(60))))
    assert.equal(set.filter(Boolean).length, 1)
    assert.equal(await jtiFolder(folder, clock).mark('used', 'id', later(60)), false)
  })

  it('lie in files and a folder that only their owner can reach', async () => {
    const folder = join(newFolder(), 'jti')
    await jtiFolder(folder, clock).mark('used', 'id', later(60))
    assert.equal(statSync(folder).mode & 0o777, 0o700)
    const modes = readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mode & 0o777])
    assert.deepEqual(modes, [['used-id', 0o600]])
  })

  it('are an error, not an answer, when the folder cannot be used', { skip: process.getuid?.() === 0 }, async () => {
    const folder = newFolder()
    chmodSync(folder, 0)
    await assert.rejects(jtiFolder(join(folder, 'jti'), clock).mark('used', 'id', later(60)), StoreUnavailable)
    chmodSync(folder, 0o700)
  })

  it('are an error when something else is in the way', async () => {
    const folder = newFolder()
    const impossible = jtiFolder(join(folder, 'missing', '\0'), clock)
    await assert.rejects(impossible.mark('used', 'id', later(60)), StoreUnavailable)
  })
})

describe('the marks of a memory', () => {
  it('are bounded: more than it may hold are refused, and the first are not forgotten', async () => {
    const store = jtiMemory(clock)
    for (let id = 0; id < MAX_MARKS; id += 1) await store.mark('used', String(id), later(60))
    await assert.rejects(store.mark('used', 'one more', later(60)), StoreUnavailable)
    assert.equal(await store.mark('used', '0', later(60)), false)
    now = later(61)
    assert.equal(await store.mark('used', 'one more', later(60)), true)
    now = instant(START)
  })
})
