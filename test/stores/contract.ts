import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RingStore, Version } from '../../src/keyring/store.ts'
import { shareOf } from '../support/share.ts'

/** Writers that each commit once at the same time, and writers that each commit over and over. */
const [WRITERS, LOOPS, COMMITS] = [shareOf(100), 3, shareOf(100)]

/** What every store promises. `make` answers a new, empty store each time. */
export function ringStoreContract(name: string, make: () => Promise<RingStore>): void {
  const committed = async (store: RingStore, document: string, expected: Version | undefined): Promise<Version> => {
    const replaced = await store.replace(document, expected)
    assert.ok(replaced.ok, 'the document was not taken')
    return replaced.value
  }

  const increment = async (store: RingStore): Promise<void> => {
    for (let attempt = 0; attempt < 1000; attempt += 1) {
      const stored = await store.load()
      assert.ok(stored !== undefined)
      if ((await store.replace(String(Number(stored.document) + 1), stored.version)).ok) return
    }
    assert.fail('a writer starved')
  }

  describe(`${name} as a RingStore`, () => {
    it('holds nothing at first', async () => {
      assert.equal(await (await make()).load(), undefined)
    })

    it('answers what was committed, under its version', async () => {
      const store = await make()
      const version = await committed(store, 'one', undefined)
      assert.deepEqual(await store.load(), { document: 'one', version })
    })

    it('takes a first document only while there is none', async () => {
      const store = await make()
      const version = await committed(store, 'one', undefined)
      assert.deepEqual(await store.replace('two', undefined), { ok: false, error: 'conflict' })
      assert.deepEqual(await store.load(), { document: 'one', version })
    })

    it('refuses a version that is not, or not any more, the present one', async () => {
      const store = await make()
      assert.equal((await store.replace('one', 'unheard' as Version)).ok, false)
      const first = await committed(store, 'one', undefined)
      const second = await committed(store, 'two', first)
      assert.deepEqual(await store.replace('three', first), { ok: false, error: 'conflict' })
      assert.deepEqual(await store.load(), { document: 'two', version: second })
    })

    it('gives each document a version of its own, and knows an old one for old', async () => {
      const store = await make()
      const versions: Version[] = []
      // The keyring numbers its documents, so that none is ever written twice.
      for (let generation = 0; generation < 5; generation += 1) {
        versions.push(await committed(store, `{"generation":${generation}}`, versions.at(-1)))
      }
      assert.equal(new Set(versions).size, versions.length)
      for (const old of versions.slice(0, -1)) assert.equal((await store.replace('{}', old)).ok, false)
    })

    it('lets exactly one of many writers win, and loses no update of those that try again', async () => {
      const store = await make()
      await committed(store, '0', undefined)
      await Promise.all(Array.from({ length: WRITERS }, () => increment(store)))
      assert.equal((await store.load())?.document, String(WRITERS))
      const stored = await store.load()
      const writers = Array.from({ length: 20 }, (_, at) => store.replace(`winner ${at}`, stored?.version))
      const race = await Promise.all(writers)
      assert.equal(race.filter(({ ok }) => ok).length, 1)
    })

    it('holds every commit that it has acknowledged to writers that commit over and over', async () => {
      const store = await make()
      await committed(store, '0', undefined)
      const loop = async (): Promise<void> => {
        for (let count = 0; count < COMMITS; count += 1) await increment(store)
      }
      await Promise.all(Array.from({ length: LOOPS }, loop))
      assert.equal((await store.load())?.document, String(LOOPS * COMMITS))
    })

    it('keeps every character of a large document', async () => {
      const store = await make()
      const times = Math.floor((store.maxBytes ?? 2_000_000) / 40)
      const document = JSON.stringify({ text: 'żółć \u2028 \u0000 😀 "\\'.repeat(times) })
      await committed(store, document, undefined)
      assert.equal((await store.load())?.document, document)
    })
  })
}
