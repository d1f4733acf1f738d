import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instant, seconds } from '../../src/core/time.ts'
import { ephemeralKek } from '../../src/jose/kek.ts'
import { sealRing } from '../../src/keyring/envelope.ts'
import { Keyring } from '../../src/keyring/keyring.ts'
import { resolveTiming } from '../../src/keyring/policy.ts'
import type { Ring } from '../../src/keyring/ring.ts'
import type { Snapshot } from '../../src/keyring/snapshot.ts'
import type { RingStore, Version } from '../../src/keyring/store.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { bench, faulty, opened, randomBytes, ringIn, type Bench } from '../support/keyring.ts'
import { LENGTHS, policyOf } from '../support/keys.ts'
import { assertNoPrivateMember } from '../support/leak.ts'
import { seeded } from '../support/random.ts'

const POLICY = policyOf(LENGTHS)

async function seen(keyring: Keyring): Promise<Snapshot> {
  const snapshot = await keyring.current()
  assert.ok(snapshot !== undefined)
  await keyring.refill()
  return snapshot
}

const states = ({ ring }: Snapshot): string => ring.keys.map(({ state }) => state).toSorted().join(' ')
const published = ({ jwks }: Snapshot): readonly string[] =>
  (JSON.parse(Buffer.from(jwks).toString()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)

function pass(world: Bench, length: number): void {
  world.now = instant(world.now + length)
}

describe('a keyring', () => {
  it('signs at once on an empty store, and has a standby and a key in hand soon after', async () => {
    const world = await bench(memoryStore(), policyOf({ ...POLICY.timing }, ['RS256', 'ES256']))
    const keyring = await opened(world)
    const snapshot = await seen(keyring)
    assert.equal(states(snapshot), 'active active standby standby')
    assert.deepEqual(snapshot.algs, ['RS256', 'ES256'])
    assert.equal(snapshot.signers.get(undefined)?.alg, 'RS256')
    assert.equal(snapshot.signers.get('ES256')?.alg, 'ES256')
    assert.equal(snapshot.signers.get('PS256'), undefined)
  })

  it('answers without waiting, and the same snapshot, while nothing is due', async () => {
    const world = await bench(memoryStore(), POLICY)
    const keyring = await opened(world)
    const first = keyring.current()
    assert.ok(!(first instanceof Promise))
    pass(world, 9)
    assert.equal(keyring.current(), first)
  })

  it('rotates on the request that comes first, in one commit with the next standby', async () => {
    const store = faulty(memoryStore())
    const world = await bench(store, POLICY)
    const keyring = await opened(world)
    const before = await seen(keyring)
    store.commits.length = 0
    pass(world, 1000)
    const after = await seen(keyring)
    assert.equal(states(after), 'active retired standby')
    assert.deepEqual(published(after).toSpliced(1, 1), published(before).toReversed())
    assert.equal(ringIn(store.commits[0]).keys.length, 3, 'the next standby came with the promotion')
    assert.notEqual(after.signers.get(undefined)?.kid, before.signers.get(undefined)?.kid)
  })

  it('makes no request wait for a key to be made', async () => {
    const world = await bench(memoryStore(), policyOf({ ...POLICY.timing }, ['RS256']))
    const keyring = await Keyring.open(world.deps)
    assert.ok(keyring.ok)
    // Keys are still in the making; the request must be answered before they are.
    let isSettled = false
    const settled = keyring.value.refill().then(() => isSettled = true)
    pass(world, 50)
    const snapshot = await keyring.value.current()
    assert.equal(isSettled, false)
    assert.ok(snapshot?.signers.get(undefined) !== undefined)
    await settled
  })

  it('keeps its bytes and its digest until the set changes', async () => {
    const world = await bench(memoryStore(), POLICY)
    const keyring = await opened(world)
    const before = await seen(keyring)
    for (let at = 0; at < 50; at += 1) {
      pass(world, 19)
      const now = await seen(keyring)
      assert.equal(now.jwks, before.jwks)
      assert.equal(now.digest, before.digest)
    }
    pass(world, 60)
    const after = await seen(keyring)
    assert.notEqual(after.digest, before.digest)
  })

  it('A8, A9 shows only public members in the set, in events and in the document beside what is sealed', async () => {
    const store = faulty(memoryStore())
    const world = await bench(store, policyOf({ ...POLICY.timing }, ['RS256', 'ES256', 'EdDSA']))
    const keyring = await opened(world)
    for (let at = 0; at < 5; at += 1) {
      pass(world, 500)
      const snapshot = await seen(keyring)
      assertNoPrivateMember(Buffer.from(snapshot.jwks).toString(), 'the JWK Set')
      assert.equal(new Set(published(snapshot)).size, published(snapshot).length)
    }
    for (const document of store.commits) assertNoPrivateMember(document, 'the document')
    assertNoPrivateMember(JSON.stringify(world.events), 'the events')
  })

  it('tells each change of each key once', async () => {
    const world = await bench(memoryStore(), POLICY)
    const keyring = await opened(world)
    for (const length of [1000, 300]) {
      pass(world, length)
      await seen(keyring)
    }
    const told = world.events.map((event) => 'kid' in event ? `${event.name} ${event.kid}` : event.name)
    assert.equal(new Set(told).size, told.length)
    const count = (name: string): number => world.events.filter((event) => event.name === name).length
    const names = ['key.created', 'key.published', 'key.promoted', 'key.retired', 'key.removed'] as const
    assert.deepEqual(names.map(count), [3, 3, 2, 1, 1])
  })

  it('comes late but right after a suspension of 30 days, and is unmoved by a clock that steps back', async () => {
    const world = await bench(memoryStore(), POLICY)
    const keyring = await opened(world)
    const [active, standby] = published(await seen(keyring))
    pass(world, 30 * 86_400)
    const late = await seen(keyring)
    assert.equal(late.signers.get(undefined)?.kid, standby)
    assert.ok(published(late).includes(active ?? ''), 'tokens of the old key may have been made just before')
    pass(world, -86_400)
    const back = await seen(keyring)
    assert.deepEqual(published(back), published(late))
    assert.equal(back.signers.get(undefined)?.kid, standby)
    assert.ok(keyring.nextTick() <= world.now + 10, 'the timer looks again soon')
  })

  it('lets two keyrings on one store agree, with one winner for each rotation', async () => {
    const store = faulty(memoryStore())
    const kek = await ephemeralKek(randomBytes)
    const worlds = await Promise.all([bench(store, POLICY, kek), bench(store, POLICY, kek)])
    const opening = await Promise.all(worlds.map(({ deps }) => Keyring.open(deps)))
    const keyrings = opening.map((one) => {
      assert.ok(one.ok)
      return one.value
    })
    await Promise.all(keyrings.map((keyring) => keyring.refill()))
    const random = seeded(7)
    for (let rotation = 0; rotation < 60; rotation += 1) {
      const length = random.int(100, 700)
      for (const world of worlds) pass(world, length)
      await Promise.all(keyrings.map(seen))
      await Promise.all(keyrings.map((keyring) => keyring.tick()))
      const [one, other] = await Promise.all(keyrings.map(seen))
      assert.deepEqual(one?.jwks, other?.jwks)
      assert.equal(one?.signers.get(undefined)?.kid, other?.signers.get(undefined)?.kid)
      assert.equal(states(one as Snapshot).match(/active/g)?.length, 1)
    }
    // Each committed ring grew out of the one before: no key that was published ever vanished before it had retired.
    const rings = store.commits.map(ringIn)
    for (const [at, ring] of rings.entries()) {
      const next = rings[at + 1]
      if (next === undefined) continue
      for (const key of ring.keys) {
        const isStill = next.keys.some(({ jwk }) => jwk.kid === key.jwk.kid)
        assert.ok(isStill || key.state === 'retired', `${key.state} key lost`)
      }
    }
  })

  it('signs through an outage for as long as its view is safe, then falls silent, then recovers', async () => {
    const store = faulty(memoryStore())
    const spare = policyOf({ ...POLICY.timing, lead: 500, retention: 500 })
    const world = await bench(store, spare)
    const keyring = await opened(world)
    const { kid } = (await seen(keyring)).signers.get(undefined) ?? {}
    // (1) leaves 500 - 110 of spare lead, (2) 500 - 110 of spare retention; with the propagation that makes 400.
    store.isDown = true
    pass(world, 400)
    assert.equal((await keyring.current())?.signers.get(undefined)?.kid, kid)
    assert.deepEqual(keyring.health(), { ready: true, inStep: false, viewAge: 400, ahead: 0 })
    pass(world, 1)
    assert.equal(await keyring.current(), undefined)
    assert.equal(keyring.health().ready, false)
    store.isDown = false
    pass(world, 1000)
    await keyring.tick()
    await keyring.refill()
    assert.deepEqual(keyring.health(), { ready: true, inStep: true, viewAge: 0, ahead: 0 })
    assert.notEqual((await seen(keyring)).signers.get(undefined)?.kid, kid, 'the rotation came late')
    const names = world.events.map(({ name }) => name).filter((name) => name.startsWith('store.'))
    assert.deepEqual(names, ['store.failed', 'store.recovered'])
  })

  it('lets requests wait for the store only once in an outage', async () => {
    const store = faulty(memoryStore())
    const world = await bench(store, policyOf({ ...POLICY.timing, lead: 500, retention: 500 }))
    const keyring = await opened(world)
    store.isDown = true
    pass(world, 20)
    await keyring.current()
    let loads = 0
    const load = store.load.bind(store)
    store.load = () => {
      loads += 1
      return load()
    }
    for (let request = 0; request < 100; request += 1) assert.ok(await keyring.current() !== undefined)
    assert.equal(loads, 0)
    assert.equal(keyring.nextTick(), world.now + 5)
  })

  it('reads again when it loses a race, and drops what the other has done already', async () => {
    const inner = memoryStore()
    const store = faulty(inner)
    const kek = await ephemeralKek(randomBytes)
    const other = await bench(inner, POLICY, kek)
    const world = await bench(store, POLICY, kek)
    const rival = await opened(other)
    const keyring = await opened(world)
    pass(world, 1000)
    pass(other, 1000)
    store.commits.length = 0
    store.beforeReplace = async () => {
      store.beforeReplace = async () => {}
      await seen(rival)
    }
    const snapshot = await seen(keyring)
    assert.equal(store.commits.length, 0, 'nothing was left to commit')
    assert.deepEqual(snapshot.jwks, (await seen(rival)).jwks)
  })

  it('never makes fresh keys when a ring that was there is gone', async () => {
    const inner = memoryStore()
    let isGone = false
    const store: RingStore = { ...inner, load: async () => isGone ? undefined : await inner.load() }
    const world = await bench(store, POLICY)
    const keyring = await opened(world)
    const before = await seen(keyring)
    isGone = true
    pass(world, 5)
    await keyring.tick()
    const detail = 'The store is empty, and was not before'
    assert.deepEqual(world.events.at(-1), { name: 'store.failed', code: 'ring_vanished', detail })
    assert.deepEqual(published(await keyring.current() as Snapshot), published(before))
  })

  it('reports an error that nobody expected, without its message, and goes on', async () => {
    const inner = memoryStore()
    let isBroken = false
    const store: RingStore = {
      ...inner,
      load: () => {
        if (isBroken) throw new RangeError('secret detail')
        return inner.load()
      },
    }
    const world = await bench(store, POLICY)
    const keyring = await opened(world)
    isBroken = true
    await keyring.tick()
    assert.deepEqual(world.events.slice(-2).map(({ name }) => name), ['server.fault', 'store.failed'])
    assert.doesNotMatch(JSON.stringify(world.events), /secret detail/)
    isBroken = false
    await keyring.tick()
    assert.equal(world.events.at(-1)?.name, 'store.recovered')
  })
})

describe('Keyring.open()', () => {
  async function stored(document: string): Promise<RingStore> {
    const store = memoryStore()
    await store.replace(document, undefined)
    return store
  }

  async function firstRing(): Promise<{ readonly ring: Ring; readonly world: Bench }> {
    const store = memoryStore()
    const world = await bench(store, POLICY)
    return { ring: (await seen(await opened(world))).ring, world }
  }

  it('goes on with the ring of an earlier process', async () => {
    const store = memoryStore()
    const kek = await ephemeralKek(randomBytes)
    const before = await seen(await opened(await bench(store, POLICY, kek)))
    const after = await seen(await opened(await bench(store, POLICY, kek)))
    assert.deepEqual(after.jwks, before.jwks)
    assert.equal(after.signers.get(undefined)?.kid, before.signers.get(undefined)?.kid)
  })

  const documents: readonly (readonly [string, string, string])[] = [
    ['text that is no JSON', '{', 'damaged'],
    ['an empty ring', '{"format":1,"marks":{"maxTtl":0,"maxAge":0},"keys":[]}', 'damaged'],
    ['a newer format', '{"format":4}', 'newer_format'],
  ]
  for (const [what, document, code] of documents) {
    it(`refuses ${what}, and leaves it as it is`, async () => {
      const store = await stored(document)
      const result = await Keyring.open((await bench(store, POLICY)).deps)
      assert.equal(!result.ok && result.error.code, code)
      assert.equal((await store.load())?.document, document)
    })
  }

  it('refuses keys that another key-encryption key has sealed', async () => {
    const { ring, world } = await firstRing()
    const store = await stored(await sealRing(ring, world.deps.keks, randomBytes))
    const result = await Keyring.open((await bench(store, POLICY)).deps)
    assert.equal(!result.ok && result.error.code, 'cannot_unseal')
  })

  it('refuses two keys whose sealed halves were exchanged', async () => {
    const { ring, world } = await firstRing()
    const [one, other] = ring.keys
    assert.ok(one?.state === 'active' && other?.state === 'standby')
    const swapped = { ...ring, keys: [{ ...one, sealed: other.sealed }, { ...other, sealed: one.sealed }] }
    const store = await stored(await sealRing(swapped, world.deps.keks, randomBytes))
    const result = await Keyring.open({ ...world.deps, store })
    assert.equal(!result.ok && result.error.code, 'cannot_unseal')
  })

  it('refuses a policy that would strand what an earlier one handed out', async () => {
    const store = memoryStore()
    const kek = await ephemeralKek(randomBytes)
    await opened(await bench(store, policyOf({ ...POLICY.timing, maxTtl: 5000, retention: 6000 }), kek))
    const lowered = await Keyring.open((await bench(store, POLICY, kek)).deps)
    assert.equal(!lowered.ok && lowered.error.code, 'promise_broken')
    const { retention: _retention, ...rest } = POLICY.timing
    const world = await bench(store, POLICY, kek)
    const derived = await Keyring.open({
      ...world.deps,
      policy: (marks) => ({ ...POLICY, timing: resolveTiming({ ...rest, maxTtl: seconds(100) }, marks) }),
    })
    assert.ok(derived.ok)
    assert.equal(derived.value.policy.timing.retention, 5010)
    assert.deepEqual(derived.value.lastSeen().ring.marks, { maxTtl: 5000, maxAge: 100 })
  })

  it('rejects when the store does not answer, and when writers never let it settle', async () => {
    const down = faulty(memoryStore())
    down.isDown = true
    await assert.rejects(Keyring.open((await bench(down, POLICY)).deps), { code: 'store_unavailable' })
    const contended: RingStore = { ...memoryStore(), replace: async () => ({ ok: false, error: 'conflict' }) }
    await assert.rejects(Keyring.open((await bench(contended, POLICY)).deps), { code: 'store_unavailable' })
  })

  it('is bound to no version that it has not read', async () => {
    const versions: (Version | undefined)[] = []
    const inner = memoryStore()
    const store: RingStore = {
      ...inner,
      replace: (document, expected) => {
        versions.push(expected)
        return inner.replace(document, expected)
      },
    }
    await opened(await bench(store, policyOf()))
    assert.deepEqual(versions, [undefined, '1', '2'])
  })
})
