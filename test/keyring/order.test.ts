import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instant, seconds } from '../../src/core/time.ts'
import type { FreshKey } from '../../src/jose/signer.ts'
import { advance } from '../../src/keyring/advance.ts'
import { believing } from '../../src/keyring/believing.ts'
import type { Keyring } from '../../src/keyring/keyring.ts'
import type { Decision, RuleInput } from '../../src/keyring/moves.ts'
import { carryOut, type Order, type OrderFault } from '../../src/keyring/order.ts'
import { outlook } from '../../src/keyring/outlook.ts'
import type { Policy } from '../../src/keyring/policy.ts'
import { activeOf, EMPTY_RING, type Ring, standbyOf } from '../../src/keyring/ring.ts'
import type { Snapshot } from '../../src/keyring/snapshot.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { bench, faulty, opened } from '../support/keyring.ts'
import { LENGTHS, policyOf, settle, shapedKey } from '../support/keys.ts'

const POLICY = policyOf(LENGTHS)
const TWO = policyOf(LENGTHS, ['ES256', 'EdDSA'])
const ROTATE: Order = { action: 'rotate', algs: ['ES256'], force: false, reason: '' }

const revoke = (kid: string | undefined, force = false): Order =>
  ({ action: 'revoke', kid: kid ?? '', force, reason: 'stolen' })
const at = (now: number, fresh: readonly FreshKey[] = [shapedKey()], policy = POLICY): RuleInput =>
  ({ policy, watch: believing, now: instant(now), fresh })
const states = ({ keys }: Ring): string => keys.map(({ state, jwk }) => `${jwk.alg} ${state}`).toSorted().join(', ')

/** One key for each line. */
const keysOf = ({ algs }: Policy): readonly FreshKey[] => algs.map((alg) => shapedKey(alg))

/** The ring after an order that must be carried out. */
function done(ring: Ring, now: number, order: Order, policy = POLICY): Ring {
  const step = carryOut(ring, order, at(now, keysOf(policy), policy))
  assert.ok(step.ok, JSON.stringify(step))
  return step.value.ring
}

/** Why an order is not carried out. */
function refused(ring: Ring, now: number, order: Order, policy = POLICY, fresh = keysOf(policy)): object {
  const step = carryOut(ring, order, at(now, fresh, policy))
  assert.ok(!step.ok)
  return step.error
}

describe('carryOut() a rotation', () => {
  it('lets the standby sign once every cache has it, long before its lead is over, and makes the next one', () => {
    const ring = settle(EMPTY_RING, POLICY, 0)
    const next = done(ring, 110, ROTATE)
    assert.equal(activeOf(next.keys, 'ES256')?.jwk.kid, standbyOf(ring.keys, 'ES256')?.jwk.kid)
    assert.equal(states(next), 'ES256 active, ES256 retired, ES256 standby')
    assert.equal(next.keys.some((key) => key.state === 'retired' && 'sealed' in key), false)
  })

  it('says from when on it is safe, and changes nothing before', () => {
    const ring = settle(EMPTY_RING, POLICY, 0)
    assert.deepEqual(refused(ring, 109.5, ROTATE), { code: 'too_early', earliestSafeAt: 110 })
    assert.deepEqual(refused(ring, 0, ROTATE), { code: 'too_early', earliestSafeAt: 110 })
  })

  it('counts the largest max-age that was ever sent', () => {
    const ring = settle(EMPTY_RING, policyOf({ ...LENGTHS, maxAge: 300 }), 0)
    assert.deepEqual(refused(ring, 200, ROTATE), { code: 'too_early', earliestSafeAt: 310 })
  })

  it('counts a standby that nobody saw committed from now on', () => {
    const first = advance(EMPTY_RING, at(0)).ring
    const unseen = advance(first, at(50)).ring
    assert.deepEqual(refused(unseen, 60, ROTATE), { code: 'too_early', earliestSafeAt: 170 })
    assert.deepEqual(refused(first, 60, ROTATE), { code: 'too_early', earliestSafeAt: 170 })
  })

  it('does it at once when forced, even with a key that was made just now', () => {
    const first = advance(EMPTY_RING, at(0)).ring
    const next = done(first, 1, { ...ROTATE, force: true })
    assert.equal(states(next), 'ES256 active, ES256 retired')
    const settled = done(settle(EMPTY_RING, POLICY, 0), 1, { ...ROTATE, force: true })
    assert.equal(states(settled), 'ES256 active, ES256 retired, ES256 standby')
  })

  it('turns all named lines over, or none', () => {
    const ring = settle(EMPTY_RING, TWO, 0)
    const both: Order = { ...ROTATE, algs: ['ES256', 'EdDSA'] }
    const early = done(ring, 200, ROTATE, TWO)
    assert.equal(activeOf(early.keys, 'EdDSA')?.jwk.kid, activeOf(ring.keys, 'EdDSA')?.jwk.kid)
    const settled = settle(early, TWO, 210)
    assert.deepEqual(refused(settled, 250, both, TWO), { code: 'too_early', earliestSafeAt: 320 })
    assert.equal(done(settled, 320, both, TWO).keys.filter(({ state }) => state === 'retired').length, 3)
  })

  it('waits for a key when there is none to sign next', () => {
    const first = advance(EMPTY_RING, at(0)).ring
    assert.deepEqual(refused(first, 60, { ...ROTATE, force: true }, POLICY, []), { code: 'no_successor' })
  })
})

describe('carryOut() a revocation', () => {
  it('takes a standby out at once, private half and all, and makes another', () => {
    const ring = settle(EMPTY_RING, POLICY, 0)
    const kid = standbyOf(ring.keys, 'ES256')?.jwk.kid
    const next = done(ring, 5, revoke(kid))
    assert.ok(!next.keys.some(({ jwk }) => jwk.kid === kid))
    assert.equal(states(next), 'ES256 active, ES256 standby')
    const [past] = next.history
    assert.equal(past?.jwk.kid, kid)
    assert.deepEqual([past?.why, past?.reason, past?.activeAt, past?.removedAt], ['revoked', 'stolen', undefined, 5])
    assert.ok(!JSON.stringify(past).includes('sealed'))
  })

  it('takes a retired key out at once', () => {
    const ring = settle(done(settle(EMPTY_RING, POLICY, 0), 200, ROTATE), POLICY, 201)
    const kid = ring.keys.find(({ state }) => state === 'retired')?.jwk.kid
    const next = done(ring, 210, revoke(kid))
    assert.deepEqual([next.history[0]?.activeAt, next.history[0]?.retiredAt, next.history[0]?.removedAt], [0, 201, 210])
    assert.equal(states(next), 'ES256 active, ES256 standby')
  })

  it('replaces the active key by its standby if every cache has that, else only when forced', () => {
    const ring = settle(EMPTY_RING, POLICY, 0)
    const kid = activeOf(ring.keys, 'ES256')?.jwk.kid
    assert.deepEqual(refused(ring, 109, revoke(kid)), { code: 'too_early', earliestSafeAt: 110 })
    for (const next of [done(ring, 110, revoke(kid)), done(ring, 1, revoke(kid, true))]) {
      assert.equal(states(next), 'ES256 active, ES256 standby')
      assert.ok(!next.keys.some(({ jwk }) => jwk.kid === kid))
      assert.equal(next.history[0]?.why, 'revoked')
    }
  })

  it('never leaves a configured line without a key that signs', () => {
    const first = advance(EMPTY_RING, at(0)).ring
    assert.deepEqual(refused(first, 60, revoke(first.keys[0]?.jwk.kid, true), POLICY, []), { code: 'no_successor' })
  })

  it('lets the line that the policy dropped end, as long as another one signs', () => {
    const ring = settle(EMPTY_RING, TWO, 0)
    const eddsa = activeOf(ring.keys, 'EdDSA')
    const dropped: Ring = { ...ring, keys: ring.keys.filter((key) => key.jwk.alg === 'ES256' || key === eddsa) }
    assert.equal(states(done(dropped, 5, revoke(eddsa?.jwk.kid))), 'ES256 active, ES256 standby')
    const alone: Ring = { ...ring, keys: [eddsa as Ring['keys'][number]] }
    assert.deepEqual(refused(alone, 5, revoke(eddsa?.jwk.kid, true)), { code: 'no_successor' })
  })

  it('knows a key that it never had from one that is gone', () => {
    const ring = settle(EMPTY_RING, POLICY, 0)
    assert.deepEqual(refused(ring, 5, revoke('unheard')), { code: 'unknown_key' })
    const kid = standbyOf(ring.keys, 'ES256')?.jwk.kid
    assert.deepEqual(refused(done(ring, 5, revoke(kid)), 6, revoke(kid)), { code: 'past_key' })
  })

  it('A8 never takes a revoked key back for fresh', () => {
    const ring = settle(EMPTY_RING, POLICY, 0)
    const standby = standbyOf(ring.keys, 'ES256')
    assert.ok(standby !== undefined)
    const { jwk, sealed } = standby
    const step = carryOut(ring, revoke(jwk.kid), at(5, [{ jwk, sealed }]))
    assert.ok(step.ok)
    assert.equal(states(step.value.ring), 'ES256 active')
  })
})

describe('the history of a ring', () => {
  it('holds every key that was removed, in order, and forgets them when their time is over', () => {
    let ring = settle(EMPTY_RING, POLICY, 0)
    const policy = { ...POLICY, history: seconds(2000) }
    for (let now = 1000; now <= 5000; now += 500) ring = settle(ring, policy, now)
    const removed = ring.history.map(({ removedAt }) => removedAt)
    assert.deepEqual(removed, removed.toSorted((one, other) => one - other))
    assert.ok(removed.length >= 1 && removed.every((moment) => moment > 5000 - 2500), String(removed))
    const all = [...ring.keys, ...ring.history].map(({ jwk }) => jwk.kid)
    assert.equal(new Set(all).size, all.length)
  })
})

describe('outlook()', () => {
  it('tells what becomes of each key, and it comes true', () => {
    let ring = settle(EMPTY_RING, POLICY, 0)
    const [active, standby] = outlook(ring, { policy: POLICY, watch: believing }, instant(1))
    const { kid, alg } = { kid: active?.kid, alg: 'ES256' }
    assert.deepEqual(active, { kid, alg, state: 'active', since: 0, next: 'retired', nextAt: 1000, removedAt: 1300 })
    assert.deepEqual(standby, {
      kid: standby?.kid,
      alg,
      state: 'standby',
      since: 0,
      next: 'active',
      nextAt: 1000,
      removedAt: 2300,
    })
    ring = settle(ring, POLICY, 1000)
    assert.equal(activeOf(ring.keys, 'ES256')?.jwk.kid, standby?.kid)
    const later = outlook(ring, { policy: POLICY, watch: believing }, instant(1001))
    assert.equal(later.find(({ kid }) => kid === active?.kid)?.removedAt, 1300)
    ring = settle(ring, POLICY, 1300)
    assert.ok(!ring.keys.some(({ jwk }) => jwk.kid === active?.kid))
  })

  it('promises nothing of a line whose standby is not there, or was not seen yet', () => {
    const first = advance(EMPTY_RING, at(0)).ring
    const [active, ...others] = outlook(first, { policy: POLICY, watch: believing }, instant(1))
    assert.deepEqual([active?.nextAt, active?.removedAt, others], [undefined, undefined, []])
  })

  it('tells when a line ends that the policy does not have', () => {
    const rules = { policy: POLICY, watch: believing }
    const ring = settle(EMPTY_RING, TWO, 0)
    const of = (from: Ring): readonly unknown[] => outlook(from, rules, instant(1))
      .filter(({ alg }) => alg === 'EdDSA').map(({ state, next, nextAt, removedAt }) => [state, next, nextAt, removedAt])
    assert.deepEqual(of(ring), [['active', 'retired', 1010, 1310], ['standby', 'removed', 1010, 1010]])
    const alone = { ...ring, keys: ring.keys.filter((key) => key !== standbyOf(ring.keys, 'EdDSA')) }
    assert.deepEqual(of(alone), [['active', 'retired', 1010, 1310]])
  })
})

describe('Keyring.perform()', () => {
  const ordered = (order: Order): Decision<OrderFault> => (ring, input) => carryOut(ring, order, input)
  const seen = async (keyring: Keyring): Promise<Snapshot> => await keyring.current() as Snapshot

  it('rotates and revokes in one commit each, with the next standby', async () => {
    const store = faulty(memoryStore())
    const world = await bench(store, POLICY)
    const keyring = await opened(world)
    const [before] = (await seen(keyring)).ring.keys
    world.now = instant(world.now + 110)
    const commits: number[] = []
    for (const order of [ROTATE, revoke(before?.jwk.kid)]) {
      store.commits.length = 0
      const ring = await keyring.perform(ordered(order))
      assert.ok(ring.ok)
      commits.push(store.commits.length)
      assert.equal(ring.value.keys.filter(({ state }) => state === 'standby').length, 1)
      assert.deepEqual((await seen(keyring)).ring, ring.value)
    }
    // The order, and the stamps of what it committed; the revocation of a retired key leaves nothing to stamp.
    assert.deepEqual(commits, [2, 1])
    assert.ok(!Buffer.from((await seen(keyring)).jwks).toString().includes(before?.jwk.kid ?? '?'))
    assert.equal(world.events.filter(({ name }) => name === 'key.revoked').length, 1)
  })

  it('signs with the successor at once after the active key was revoked', async () => {
    const world = await bench(memoryStore(), POLICY)
    const keyring = await opened(world)
    const before = (await seen(keyring)).signers.get(undefined)?.kid
    assert.ok((await keyring.perform(ordered(revoke(before, true)))).ok)
    const after = (await seen(keyring)).signers.get(undefined)
    assert.ok(after !== undefined && after.kid !== before)
    await keyring.refill()
    assert.equal((await seen(keyring)).ring.keys.length, 2)
  })

  it('carries out many orders and ticks at once, one after the other', async () => {
    const store = memoryStore()
    const world = await bench(store, POLICY)
    const keyring = await opened(world)
    const orders = Array.from({ length: 5 }, () => keyring.perform(ordered({ ...ROTATE, force: true, reason: 'x' })))
    const ticks = Array.from({ length: 5 }, () => keyring.tick())
    const results = await Promise.all(orders)
    await Promise.all(ticks)
    await keyring.refill()
    // Orders that come faster than keys can be made are refused, and none is half done.
    const faults = results.flatMap((result) => result.ok ? [] : [result.error.code])
    assert.ok(faults.length < 5 && faults.every((code) => code === 'no_successor'), String(faults))
    const { keys } = (await seen(keyring)).ring
    assert.equal(keys.filter(({ state }) => state === 'retired').length, 5 - faults.length)
    const left = keys.map(({ state }) => state).filter((state) => state !== 'retired')
    assert.deepEqual(left.toSorted(), ['active', 'standby'])
  })

  it('rejects while the store is away, and says nothing was refused', async () => {
    const store = faulty(memoryStore())
    const keyring = await opened(await bench(store, POLICY))
    store.isDown = true
    await assert.rejects(keyring.perform(ordered(ROTATE)), { code: 'store_unavailable' })
    store.isDown = false
    await keyring.tick()
    assert.equal(keyring.health().inStep, true)
  })
})
