import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instant } from '../../src/core/time.ts'
import { ephemeralKek } from '../../src/jose/kek.ts'
import { advance } from '../../src/keyring/advance.ts'
import { believing } from '../../src/keyring/believing.ts'
import { Keyring } from '../../src/keyring/keyring.ts'
import { longestView } from '../../src/keyring/policy.ts'
import { rekey } from '../../src/keyring/rekey.ts'
import { EMPTY_RING } from '../../src/keyring/ring.ts'
import { type RingStore, type Stored, StoreUnavailable } from '../../src/keyring/store.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { bench, faulty, opened, randomBytes, ringIn } from '../support/keyring.ts'
import { LENGTHS, policyOf, shapedKey } from '../support/keys.ts'

const POLICY = policyOf(LENGTHS)

describe('a keyring whose store and clock misbehave', () => {
  it('never puts a key into the ring twice after commits whose replies were lost', async () => {
    const inner = memoryStore()
    const store = faulty(inner)
    const world = await bench(store, POLICY)
    const keyring = await opened(world)
    world.now = instant(world.now + 1000)
    store.isReplyLost = true
    await keyring.tick()
    await keyring.tick()
    store.isReplyLost = false
    await keyring.tick()
    await keyring.refill()
    world.now = instant(world.now + 1001)
    await keyring.current()
    await keyring.refill()
    const stored = await inner.load()
    assert.ok(ringIn(stored?.document).keys.length > 0)
    const again = await Keyring.open({ ...world.deps, store: inner })
    assert.equal(again.ok, true)
  })

  it('never puts a key into the ring twice when the reply was lost and another replica stamped the key', async () => {
    const inner = memoryStore()
    const kek = await ephemeralKek(randomBytes)
    const store = faulty(inner)
    const world = await bench(store, POLICY, kek)
    const other = await bench(inner, POLICY, kek)
    const keyring = await opened(world)
    const rival = await opened(other)
    for (const each of [world, other]) each.now = instant(each.now + 1000)
    store.isReplyLost = true
    await keyring.tick()
    store.isReplyLost = false
    await rival.tick()
    for (const each of [world, other]) each.now = instant(each.now + 1001)
    await keyring.tick()
    await rival.tick()
    const names = other.events.map((event) => 'code' in event ? event.code : event.name)
    assert.ok(!names.includes('damaged'), 'the other replica cannot read the ring any more')
  })

  it('takes no fresh key whose kid is in the ring', () => {
    const key = shapedKey()
    const { ring } = advance(EMPTY_RING, { policy: POLICY, watch: believing, now: instant(0), fresh: [key] })
    assert.equal(advance(ring, { policy: POLICY, watch: believing, now: instant(1), fresh: [key] }).ring.keys.length, 1)
  })

  it('goes on serving when a newer replica raises the marks in a shared store', async () => {
    const store = memoryStore()
    const kek = await ephemeralKek(randomBytes)
    const old = await bench(store, POLICY, kek)
    const keyring = await opened(old)
    const newer = await bench(store, policyOf({ ...LENGTHS, maxTtl: 5000, retention: 6000 }), kek)
    await opened(newer)
    old.now = instant(old.now + 11)
    assert.notEqual(await keyring.current(), undefined)
    assert.ok(longestView(keyring.policy.timing, keyring.lastSeen().ring.marks) >= 0)
  })

  it('reports a ring that vanishes while it opens', async () => {
    const inner = memoryStore()
    const kek = await ephemeralKek(randomBytes)
    await opened(await bench(inner, POLICY, kek))
    let loads = 0
    const store: RingStore = { ...inner, load: async () => (loads += 1) === 1 ? await inner.load() : undefined }
    const result = await Keyring.open((await bench(store, POLICY, kek)).deps)
    assert.equal(!result.ok && result.error.code, 'ring_vanished')
  })

  it('keeps its key in hand when it loses a race, so that the next promotion needs no other', async () => {
    const inner = memoryStore()
    const store = faulty(inner)
    const kek = await ephemeralKek(randomBytes)
    const world = await bench(store, POLICY, kek)
    const keyring = await opened(world)
    // Seals the same ring again, as `jwksd rekey` does: the first commit of the promotion comes too late.
    store.beforeReplace = async () => {
      store.beforeReplace = async () => {}
      assert.equal(await rekey({ ...world.deps, store: inner }), 2)
    }
    store.commits.length = 0
    world.now = instant(world.now + 1000)
    await keyring.current()
    assert.equal(ringIn(store.commits[0]).keys.length, 3, 'the next standby came with the promotion')
  })

  it('goes on with the newer ring when the store was set back to an older one', async () => {
    const inner = memoryStore()
    let older: Stored | undefined
    const store: RingStore = { ...inner, load: async () => older ?? await inner.load() }
    const world = await bench(store, POLICY)
    const keyring = await opened(world)
    const before = await inner.load()
    world.now = instant(world.now + 1000)
    const rotated = await keyring.current()
    older = before
    await keyring.tick()
    assert.equal(world.events.findLast((event) => event.name === 'store.failed')?.code, 'rolled_back')
    assert.equal(keyring.lastSeen(), rotated)
  })

  it('does not let a clock that steps back prolong an outage', async () => {
    const inner = memoryStore()
    let isDown = false
    const store: RingStore = { ...inner, load: async () => {
      if (isDown) throw new StoreUnavailable('down')
      return await inner.load()
    } }
    const world = await bench(store, POLICY)
    const keyring = await opened(world)
    isDown = true
    const longest = longestView(POLICY.timing, keyring.lastSeen().ring.marks)
    world.now = instant(world.now + longest)
    assert.notEqual(await keyring.current(), undefined)
    world.now = instant(world.now - 100_000)
    // whole true time since the store was read: longest, and longest again below
    await keyring.current()
    world.now = instant(world.now + longest + 1)
    assert.equal(await keyring.current(), undefined)
  })

  it('does not answer undefined once after a suspension, when a tick was under way', async () => {
    const inner = memoryStore()
    let release: (() => void) | undefined
    let isSlow = false
    const store: RingStore = { ...inner, load: async () => {
      const stored = await inner.load()
      if (isSlow) await new Promise<void>((resolve) => release = resolve)
      return stored
    } }
    const world = await bench(store, POLICY)
    const keyring = await opened(world)
    isSlow = true
    const tick = keyring.tick()
    await Promise.resolve()
    world.now = instant(world.now + 250)
    const answer = keyring.current()
    isSlow = false
    setImmediate(() => release?.())
    const snapshot = await answer
    await tick
    assert.notEqual(snapshot, undefined)
  })
})
