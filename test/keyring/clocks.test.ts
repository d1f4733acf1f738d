import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instant } from '../../src/core/time.ts'
import { ephemeralKek, type KeyEncryptionKey } from '../../src/jose/kek.ts'
import type { Keyring } from '../../src/keyring/keyring.ts'
import { carryOut, type Order } from '../../src/keyring/order.ts'
import { outlook } from '../../src/keyring/outlook.ts'
import { leastLead, leastRetention, NO_MARKS } from '../../src/keyring/policy.ts'
import type { RingStore } from '../../src/keyring/store.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { type Bench, bench, faulty, opened, randomBytes } from '../support/keyring.ts'
import { LENGTHS, policyOf } from '../support/keys.ts'
import { someOf } from '../support/share.ts'

const [HOUR, DAY, TEN_YEARS] = [3600, 86_400, 315_360_000]
const START = 1_800_000_000
/** Seconds from one look at a keyring to the next; a rotation takes 1000 s, (1) asks for 110 and (2) for 110. */
const STEP = 10
const POLICY = policyOf(LENGTHS)
const [LEAD, RETENTION] = [leastLead(POLICY.timing, NO_MARKS), leastRetention(POLICY.timing, NO_MARKS)]

/** One process of a server: what it runs on, and how much its clock is wrong. */
interface Process {
  readonly world: Bench
  readonly keyring: Keyring
}

/** True times, in seconds since the start, at which the keys of a store changed their state. */
interface Life {
  readonly publishedAt: number
  activeAt?: number
  retiredAt?: number
  removedAt?: number
}

/** A store that several processes use, watched in true time. */
class Truth {
  at = 0
  processes: Process[] = []
  readonly lives = new Map<string, Life>()
  readonly #store: RingStore
  readonly #kek: KeyEncryptionKey

  constructor(store: RingStore, kek: KeyEncryptionKey) {
    this.#store = store
    this.#kek = kek
  }

  /** Starts a process whose clock is wrong by so much. */
  async start(wrongBy = 0): Promise<Process> {
    const world = await bench(this.#store, POLICY, this.#kek)
    world.jump(this.at + wrongBy)
    const process = { world, keyring: await opened(world) }
    this.processes.push(process)
    this.look()
    return process
  }

  async restart(wrongBy = 0): Promise<Process> {
    this.processes = []
    return await this.start(wrongBy)
  }

  /** Lets true time pass; every process looks after its keys all the while. */
  async pass(length: number): Promise<void> {
    for (const end = this.at + length; this.at < end; this.look()) {
      this.at += STEP
      for (const { world, keyring } of this.processes) {
        world.now = instant(world.now + STEP)
        await keyring.tick()
        await keyring.refill()
      }
    }
  }

  /** Notes what changed in the store since the last look. */
  look(): void {
    for (const { keyring } of this.processes) {
      const { keys, history } = keyring.lastSeen().ring
      for (const { jwk: { kid }, state } of keys) {
        const life = this.lives.get(kid) ?? { publishedAt: this.at }
        this.lives.set(kid, life)
        if (state === 'active') life.activeAt ??= this.at
        if (state === 'retired') life.retiredAt ??= this.at
      }
      for (const { jwk: { kid } } of history) {
        const life = this.lives.get(kid)
        if (life !== undefined) life.removedAt ??= this.at
      }
    }
  }

  /** Every promotion and removal that came before (1) or (2) allow it, in true time; and how many there were. */
  judge(): { readonly promoted: number; readonly early: readonly string[] } {
    const [first, ...others] = this.lives.values()
    const early = [...this.lives.values()].flatMap((life) => {
      const { publishedAt, activeAt = Infinity, retiredAt = Infinity, removedAt = Infinity } = life
      return [
        ...life !== first && activeAt < publishedAt + LEAD ? [`promoted after ${activeAt - publishedAt} s`] : [],
        ...removedAt < retiredAt + RETENTION ? [`removed after ${removedAt - retiredAt} s`] : [],
      ]
    })
    return { promoted: others.filter(({ activeAt }) => activeAt !== undefined).length, early }
  }
}

async function newTruth(store = memoryStore()): Promise<Truth> {
  return new Truth(store, await ephemeralKek(randomBytes))
}

/** Moments, in seconds of a rotation, at which a clock jumps: just before and after something was stamped. */
const MOMENTS = [0, 20, 600, 980, 1000, 1030, 1290, 1310]
const JUMPS = [HOUR, DAY, TEN_YEARS].flatMap((length) => [length, -length])
const JUMP_NAMES = ['an hour', 'a day', 'ten years'].flatMap((name) => [`${name} ahead`, `${name} back`])

describe('a clock that jumps', () => {
  for (const [index, jump] of JUMPS.entries()) {
    for (const [name, stays] of [['for good', Infinity], ['for ten minutes', 600]] as const) {
      it(`promotes and removes nothing early: ${JUMP_NAMES[index]} ${name}, in one process`, async () => {
        for (const moment of someOf(MOMENTS, index)) {
          const truth = await newTruth()
          const { world } = await truth.start()
          await truth.pass(moment)
          world.jump(jump)
          await truth.pass(Math.min(stays, 2500))
          if (stays < Infinity) world.jump(-jump)
          await truth.pass(3500)
          const { promoted, early } = truth.judge()
          assert.deepEqual(early, [], `at ${moment}`)
          assert.ok(promoted >= 2, `at ${moment}: rotates on, ${promoted} promotions`)
        }
      })

      it(`promotes and removes nothing early: ${JUMP_NAMES[index]} ${name}, across a restart`, async () => {
        for (const moment of someOf(MOMENTS, index)) {
          const truth = await newTruth()
          await truth.start()
          await truth.pass(moment)
          await truth.restart(jump)
          await truth.pass(Math.min(stays, 2500))
          if (stays < Infinity) await truth.restart()
          await truth.pass(3500)
          const { promoted, early } = truth.judge()
          assert.deepEqual(early, [], `at ${moment}`)
          assert.ok(promoted >= 2, `at ${moment}: rotates on, ${promoted} promotions`)
        }
      })
    }

    it(`promotes and removes nothing early: ${JUMP_NAMES[index]} for ten minutes, in one of three`, async () => {
      for (const moment of someOf(MOMENTS, index)) {
        const truth = await newTruth()
        const [, { world }] = [await truth.start(), await truth.start(), await truth.start()]
        await truth.pass(moment)
        world.jump(jump)
        await truth.pass(600)
        world.jump(-jump)
        await truth.pass(3500)
        const { promoted, early } = truth.judge()
        assert.deepEqual(early, [], `at ${moment}`)
        assert.ok(promoted >= 2, `at ${moment}: rotates on, ${promoted} promotions`)
      }
    })
  }

  it('does not make the view of a lost store younger when it steps back', async () => {
    const store = faulty(memoryStore())
    const truth = await newTruth(store)
    const { world, keyring } = await truth.start()
    store.isDown = true
    for (let waited = 0; waited < 400; waited += STEP) {
      world.now = instant(world.now + STEP)
      world.jump(-STEP)
      await keyring.tick()
    }
    assert.equal(await keyring.current(), undefined)
  })
})

describe('a stamp that lies ahead of the clock', () => {
  /** A store whose keys were stamped by a clock ten years ahead, and a process whose clock is right. */
  async function stranded(store = memoryStore()): Promise<{ readonly truth: Truth; readonly after: Process }> {
    const truth = await newTruth(store)
    await truth.start(TEN_YEARS)
    await truth.pass(1500)
    return { truth, after: await truth.restart() }
  }

  it('is a state: in the log, in the health of the replica and in the list of keys', async () => {
    const { truth, after: { world, keyring } } = await stranded()
    assert.ok(world.events.some((event) => event.name === 'stamps.ahead' && event.seconds >= TEN_YEARS - 1500))
    const { ready, ahead } = keyring.health()
    assert.deepEqual([ready, ahead > TEN_YEARS - 1500], [true, true])
    const list = outlook(keyring.lastSeen().ring, keyring, world.now)
    assert.ok(list.every((key) => (key.ahead ?? 0) > TEN_YEARS - 1500))
    assert.deepEqual(list.map(({ nextAt }) => nextAt), [START + 2500, START + 2500], 'both count anew from now')
    await truth.pass(3500)
    assert.equal(keyring.health().ahead, 0)
    assert.deepEqual(world.events.filter(({ name }) => name.startsWith('stamps.')).map(({ name }) => name), [
      'stamps.ahead', 'stamps.passed',
    ])
  })

  it('is never lowered in the store, and its lead counts anew from when this process saw it', async () => {
    const { truth, after: { keyring } } = await stranded()
    const stampOf = (): unknown => keyring.lastSeen().ring.keys.find(({ state }) => state === 'standby')?.publishedAt
    const [stamp, kid] = [stampOf(), keyring.lastSeen().signers.get(undefined)?.kid]
    await truth.pass(990)
    assert.equal(stampOf(), stamp)
    assert.equal(keyring.lastSeen().signers.get(undefined)?.kid, kid)
    await truth.pass(10)
    assert.notEqual(keyring.lastSeen().signers.get(undefined)?.kid, kid)
  })

  it('is no hurry for an operator: an order waits for the right side of (1), as this process sees it', async () => {
    const { truth, after: { world, keyring } } = await stranded()
    const order: Order = { action: 'rotate', algs: ['ES256'], force: false, reason: '' }
    const rotate = (): ReturnType<Keyring['perform']> =>
      keyring.perform((ring, input) => carryOut(ring, order, input)) as ReturnType<Keyring['perform']>
    assert.deepEqual(await rotate(), { ok: false, error: { code: 'too_early', earliestSafeAt: world.now + LEAD } })
    await truth.pass(LEAD)
    assert.ok((await rotate()).ok)
  })

  it('makes a replica of several machines not ready, which leaves the ring to an operator', async () => {
    const { truth, after: { world, keyring } } = await stranded({ ...memoryStore(), isShared: true })
    assert.equal(keyring.health().ready, false)
    const { ring } = keyring.lastSeen()
    await truth.pass(20_000)
    assert.deepEqual(keyring.lastSeen().ring, ring)
    const order: Order = { action: 'rotate', algs: ['ES256'], force: false, reason: '' }
    assert.ok((await keyring.perform((held, input) => carryOut(held, order, input))).ok)
    await truth.pass(LEAD)
    assert.equal(keyring.health().ready, true)
    assert.equal(world.events.findLast(({ name }) => name.startsWith('stamps.'))?.name, 'stamps.passed')
  })

  it('is not noticed within what two clocks may differ', async () => {
    const store = memoryStore()
    const kek = await ephemeralKek(randomBytes)
    const policy = policyOf({ ...LENGTHS, clockError: 60, lead: 500 })
    await opened(await bench(store, policy, kek))
    for (const [behind, isAhead] of [[-120, false], [-122, true]] as const) {
      const world = await bench(store, policy, kek)
      world.jump(behind)
      const { ahead } = (await opened(world)).health()
      assert.equal(ahead > 0, isAhead, String(behind))
    }
  })
})
