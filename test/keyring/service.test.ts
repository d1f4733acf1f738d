import assert from 'node:assert/strict'
import { webcrypto } from 'node:crypto'
import { describe, it } from 'node:test'
import { instant } from '../../src/core/time.ts'
import type { Kid } from '../../src/jose/jwk.ts'
import { ephemeralKek } from '../../src/jose/kek.ts'
import { Keyring } from '../../src/keyring/keyring.ts'
import { openSigners, type Snapshot } from '../../src/keyring/snapshot.ts'
import { type RingStore, StoreUnavailable } from '../../src/keyring/store.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { bench, faulty, opened, randomBytes, ringIn } from '../support/keyring.ts'
import { LENGTHS, policyOf } from '../support/keys.ts'

const POLICY = policyOf(LENGTHS)

async function seen(keyring: Keyring): Promise<Snapshot> {
  const snapshot = await keyring.current()
  assert.ok(snapshot !== undefined)
  await keyring.refill()
  return snapshot
}

describe('a keyring over many rotations', () => {
  it('has a key in hand for each promotion, so that the next standby is in the same commit', async () => {
    const store = faulty(memoryStore())
    const world = await bench(store, POLICY)
    const keyring = await opened(world)
    for (let rotation = 0; rotation < 5; rotation += 1) {
      store.commits.length = 0
      world.now = instant(world.now + 1000)
      await seen(keyring)
      const { keys } = ringIn(store.commits[0])
      const added = keys.filter((key) => key.state === 'standby' && key.publishedAt === undefined)
      assert.equal(added.length, 1, `rotation ${rotation}`)
    }
  })

  it('rotates, and goes on signing, while no key can be made at all', async (test) => {
    const world = await bench(memoryStore(), POLICY)
    const keyring = await opened(world)
    const kids = new Set([(await seen(keyring)).signers.get(undefined)?.kid])
    const refuses = (): Promise<never> => Promise.reject(new DOMException('The operation failed', 'OperationError'))
    const exhausted = test.mock.method(webcrypto.subtle, 'generateKey', refuses)
    for (let rotation = 0; rotation < 4; rotation += 1) {
      world.now = instant(world.now + 1000)
      kids.add((await seen(keyring)).signers.get(undefined)?.kid)
    }
    // The standby and the key in hand still took their turns.
    assert.equal(kids.size, 3)
    assert.ok(!kids.has(undefined))
    exhausted.mock.restore()
    for (let rotation = 0; rotation < 2; rotation += 1) {
      world.now = instant(world.now + 1000)
      kids.add((await seen(keyring)).signers.get(undefined)?.kid)
    }
    assert.equal(kids.size, 4, 'it makes keys again')
  })

  it('keeps a signer open for as long as its key signs', async () => {
    const world = await bench(memoryStore(), POLICY)
    const keyring = await opened(world)
    world.now = instant(world.now + 1000)
    const rotated = await seen(keyring)
    world.now = instant(world.now + 300)
    const removed = await seen(keyring)
    assert.notEqual(removed, rotated)
    assert.equal(removed.signers.get(undefined), rotated.signers.get(undefined))
  })

  it('lets the line that is replaced sign by default until the new one does', async () => {
    const store = memoryStore()
    const kek = await ephemeralKek(randomBytes)
    await opened(await bench(store, POLICY, kek))
    const world = await bench(store, policyOf(LENGTHS, ['EdDSA']), kek)
    const keyring = await opened(world)
    const waiting = await seen(keyring)
    assert.deepEqual(waiting.algs, ['EdDSA', 'ES256'])
    assert.equal(waiting.signers.get(undefined)?.alg, 'ES256')
    assert.equal(waiting.signers.get('EdDSA'), undefined)
    world.now = instant(world.now + 400)
    const turned = await seen(keyring)
    assert.equal(turned.signers.get(undefined)?.alg, 'EdDSA')
    // A replica that still has the line would turn it over at 1000.
    world.now = instant(world.now + 600 + LENGTHS.propagation)
    assert.equal((await seen(keyring)).signers.get('ES256'), undefined)
    world.now = instant(world.now + 300)
    assert.deepEqual((await seen(keyring)).algs, ['EdDSA'])
  })
})

describe('a keyring and its store', () => {
  it('opens a ring that is there without making a key first', async () => {
    const store = memoryStore()
    const kek = await ephemeralKek(randomBytes)
    await opened(await bench(store, POLICY, kek))
    const world = await bench(store, POLICY, kek)
    let drawn = 0
    const result = await Keyring.open({
      ...world.deps,
      randomBytes: (length) => {
        drawn += 1
        return randomBytes(length)
      },
    })
    assert.equal(drawn, 0)
    assert.ok(result.ok)
    await result.value.refill()
    assert.ok(drawn > 0, 'the key in hand follows')
  })

  it('reads the store once for all who ask at the same time', async () => {
    const inner = memoryStore()
    let loads = 0
    const store: RingStore = {
      ...inner,
      load: () => {
        loads += 1
        return inner.load()
      },
    }
    const world = await bench(store, POLICY)
    const keyring = await opened(world)
    loads = 0
    world.now = instant(world.now + 20)
    const snapshots = await Promise.all(Array.from({ length: 50 }, () => keyring.current()))
    assert.equal(new Set(snapshots).size, 1)
    assert.equal(loads, 1)
  })

  it('counts the age of its view from before it asked, however long the store took', async () => {
    const inner = memoryStore()
    const world = await bench(inner, POLICY)
    let takes = 0
    const slow: RingStore = {
      ...inner,
      load: async () => {
        const stored = await inner.load()
        world.now = instant(world.now + takes)
        return stored
      },
    }
    const keyring = await opened({ ...world, deps: { ...world.deps, store: slow, now: () => world.now } })
    takes = 7
    await keyring.tick()
    assert.equal(keyring.health().viewAge, 7)
  })

  it('tells of one outage once, however often it tries, and of the next one again', async () => {
    const store = faulty(memoryStore())
    const world = await bench(store, POLICY)
    const keyring = await opened(world)
    for (let outage = 0; outage < 2; outage += 1) {
      store.isDown = true
      for (let attempt = 0; attempt < 5; attempt += 1) await keyring.tick()
      store.isDown = false
      for (let attempt = 0; attempt < 5; attempt += 1) await keyring.tick()
    }
    const told = world.events.map(({ name }) => name).filter((name) => name.startsWith('store.'))
    assert.deepEqual(told, ['store.failed', 'store.recovered', 'store.failed', 'store.recovered'])
  })

  it('goes on with a ring that it can read and not replace, for as long as that lasts', async () => {
    const store = memoryStore()
    const world = await bench({ ...store, replace: () => Promise.reject(new StoreUnavailable('Cannot write')) }, POLICY)
    await opened({ ...world, deps: { ...world.deps, store } })
    const keyring = await opened(world)
    const { digest } = await seen(keyring)
    for (let hour = 0; hour < 100; hour += 1) {
      world.now = instant(world.now + 5)
      await keyring.tick()
    }
    for (let day = 0; day < 10; day += 1) {
      world.now = instant(world.now + 86_400)
      await keyring.tick()
      assert.equal((await seen(keyring)).digest, digest, 'late, and never silent')
    }
    assert.equal(keyring.health().inStep, false)
  })

  it('takes over what it committed itself when the answer of the store was lost', async () => {
    const store = faulty(memoryStore())
    const world = await bench(store, POLICY)
    const keyring = await opened(world)
    const before = await seen(keyring)
    store.isReplyLost = true
    world.now = instant(world.now + 1000)
    const kid = (await seen(keyring)).signers.get(undefined)?.kid
    assert.equal(kid, before.signers.get(undefined)?.kid, 'what was read is served, whatever became of the commit')
    store.isReplyLost = false
    await keyring.tick()
    const after = await seen(keyring)
    assert.notEqual(after.signers.get(undefined)?.kid, before.signers.get(undefined)?.kid)
    assert.equal(after.ring.keys.length, 3)
  })
})

describe('openSigners()', () => {
  it('lets the private half of a key go when the key retires, and keeps those that it has opened', async () => {
    const world = await bench(memoryStore(), POLICY)
    const keyring = await opened(world)
    const before = (await seen(keyring)).ring
    world.now = instant(world.now + 1000)
    const rotated = (await seen(keyring)).ring
    const last = await openSigners(before, new Map(), world.deps.keks)
    const next = await openSigners(rotated, last, world.deps.keks)
    const kidOf = (state: string): Kid | undefined => rotated.keys.find((key) => key.state === state)?.jwk.kid
    assert.deepEqual([...next.keys()].toSorted(), [kidOf('active'), kidOf('standby')].toSorted())
    assert.equal(next.get(kidOf('active') as Kid), last.get(kidOf('active') as Kid))
  })
})
