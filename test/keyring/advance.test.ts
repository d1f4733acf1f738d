import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { instant } from '../../src/core/time.ts'
import type { FreshKey } from '../../src/jose/signer.ts'
import { advance, ringDueAt } from '../../src/keyring/advance.ts'
import { believing } from '../../src/keyring/believing.ts'
import type { RuleInput } from '../../src/keyring/moves.ts'
import { EMPTY_RING, inOrder, type Ring } from '../../src/keyring/ring.ts'
import { LENGTHS, policyOf, settle, shapedKey } from '../support/keys.ts'
import { seeded } from '../support/random.ts'

const POLICY = policyOf({ ...LENGTHS, propagation: 5 })

const at = (now: number, fresh: readonly FreshKey[] = [shapedKey()]): RuleInput =>
  ({ policy: POLICY, watch: believing, now: instant(now), fresh })
const states = (ring: Ring): string => ring.keys.map(({ state, jwk }) => `${state}:${jwk.alg}`).join(' ')
const kids = (ring: Ring, state: string): readonly string[] =>
  ring.keys.filter((key) => key.state === state).map(({ jwk }) => jwk.kid)

describe('advance()', () => {
  it('makes the first ring of active keys, one for each line, whole or not at all', () => {
    const policy = policyOf({}, ['RS256', 'ES256'])
    const short = { policy, watch: believing, now: instant(0), fresh: [shapedKey('RS256')] }
    assert.equal(advance(EMPTY_RING, short).ring, EMPTY_RING)
    const fresh = [shapedKey('ES256'), shapedKey('RS256')]
    const { ring, changes } = advance(EMPTY_RING, { policy, watch: believing, now: instant(0), fresh })
    assert.equal(states(ring), 'active:RS256 active:ES256')
    const each = ['created', 'published', 'promoted']
    assert.deepEqual(changes.map(({ to }) => to), [...each, ...each])
  })

  it('adds a standby, and starts its lead only when a committed ring was seen to hold it', () => {
    const first = advance(EMPTY_RING, at(0)).ring
    const second = advance(first, at(10)).ring
    assert.deepEqual(second.keys[1]?.state === 'standby' && second.keys[1].publishedAt, undefined)
    const third = advance(second, at(70, [])).ring
    assert.deepEqual(third.keys[1]?.state === 'standby' && third.keys[1].publishedAt, 70)
  })

  it('promotes as scheduled, retires the one before, and adds the next standby in one step', () => {
    const ring = settle(EMPTY_RING, POLICY, 0)
    const [standby] = kids(ring, 'standby')
    const [active] = kids(ring, 'active')
    assert.equal(advance(ring, at(999.9, [])).ring, ring)
    const { ring: next, changes } = advance(ring, at(1000))
    assert.equal(states(next), 'retired:ES256 active:ES256 standby:ES256')
    assert.deepEqual([kids(next, 'active'), kids(next, 'retired')], [[standby], [active]])
    assert.deepEqual(changes.map(({ to }) => to), ['promoted', 'retired', 'created'])
    assert.ok(!('sealed' in (next.keys[0] ?? {})), 'a retired key has no private half')
  })

  it('never promotes early: the lead counts even when the schedule has passed', () => {
    const ring = advance(advance(EMPTY_RING, at(0)).ring, at(900)).ring
    const stamped = advance(ring, at(950, [])).ring
    assert.equal(advance(stamped, at(1349.9, [])).ring, stamped)
    assert.equal(states(advance(stamped, at(1350, [])).ring), 'retired:ES256 active:ES256')
  })

  it('promotes late after an outage, once, and counts the next interval from then', () => {
    const late = settle(settle(EMPTY_RING, POLICY, 0), POLICY, 50_000)
    assert.equal(states(late), 'retired:ES256 active:ES256 standby:ES256')
    assert.equal(ringDueAt(late, { policy: POLICY, watch: believing }), 50_300, 'the removal comes first')
    const [retired, ...others] = late.keys
    assert.equal(retired?.state, 'retired')
    assert.equal(ringDueAt({ ...late, keys: others }, { policy: POLICY, watch: believing }), 51_000)
  })

  it('keeps the active key while there is no successor', () => {
    const ring = advance(EMPTY_RING, at(0)).ring
    assert.equal(advance(ring, at(1e9, [])).ring, ring)
  })

  it('starts the retention only when the retirement was seen committed, and removes exactly at its end', () => {
    const retired = advance(settle(EMPTY_RING, POLICY, 0), at(1000)).ring
    const stamped = advance(retired, at(1040, [])).ring
    assert.equal(states(advance(stamped, at(1339.9, [])).ring), 'retired:ES256 active:ES256 standby:ES256')
    const { ring, changes } = advance(stamped, at(1340, []))
    assert.equal(states(ring), 'active:ES256 standby:ES256')
    assert.deepEqual(changes.map(({ to }) => to), ['removed'])
  })

  it('does nothing when the clock steps back', () => {
    const ring = settle(settle(EMPTY_RING, POLICY, 0), POLICY, 1000)
    for (const now of [999, 500, -1e9]) assert.equal(advance(ring, at(now)).ring, ring)
  })

  it('publishes a standby first when a line is added', () => {
    const wider = policyOf({ ...POLICY.timing }, ['ES256', 'RS256'])
    const ring = settle(settle(EMPTY_RING, POLICY, 0), wider, 10)
    assert.equal(states(ring), 'active:ES256 standby:ES256 standby:RS256')
    assert.equal(states(settle(ring, wider, 409)), 'active:ES256 standby:ES256 standby:RS256')
    assert.equal(states(settle(ring, wider, 410)), 'active:ES256 standby:ES256 active:RS256 standby:RS256')
  })

  it('ends a line that it does not have once its own lines sign, and nobody turned that one over', () => {
    const other = policyOf({ ...POLICY.timing }, ['RS256'])
    const waiting = settle(settle(EMPTY_RING, POLICY, 0), other, 10)
    assert.equal(states(waiting), 'active:ES256 standby:ES256 standby:RS256')
    const signing = settle(waiting, other, 410)
    assert.equal(states(signing), 'active:ES256 standby:ES256 active:RS256 standby:RS256')
    assert.equal(ringDueAt(signing, { policy: other, watch: believing }), 1005, 'R after the line would have turned over')
    assert.equal(settle(signing, other, 1004.9), signing)
    const { changes } = advance(signing, { policy: other, watch: believing, now: instant(1005), fresh: [] })
    assert.deepEqual(changes.map(({ alg, to }) => `${alg} ${to}`), ['ES256 removed', 'ES256 retired'])
    const ended = settle(signing, other, 1005)
    assert.equal(states(ended), 'retired:ES256 active:RS256 standby:RS256')
    assert.equal(states(settle(ended, other, 1305)), 'active:RS256 standby:RS256')
  })

  it('does not end a line while one of its own does not sign', () => {
    const late = policyOf({ ...POLICY.timing, lead: 900, interval: 2000 }, ['RS256'])
    const ring = settle(settle(EMPTY_RING, POLICY, 0), late, 999)
    assert.equal(states(settle(ring, late, 1800)), 'active:ES256 standby:ES256 standby:RS256')
  })

  it('undoes nothing while three replicas get another default, one second before a rotation and one by one', () => {
    const [before, after] = [POLICY, policyOf({ ...POLICY.timing }, ['RS256'])]
    let ring = settle(EMPTY_RING, before, 0)
    const [old] = kids(ring, 'active')
    const all = new Set<string>()
    for (let now = 999; now < 4000; now += 1) {
      // The replicas are replaced at 999, 1300 and 1600; each acts once a second, the new ones first.
      const policies = [999, 1300, 1600].map((from) => now >= from ? after : before)
      for (const policy of policies) {
        ring = settle(ring, policy, now)
        for (const { jwk } of ring.keys) all.add(jwk.kid)
        const signing = policy.algs.filter((alg) => ring.keys.some(({ state, jwk }) => state === 'active' && jwk.alg === alg))
        if (policy === before || now >= 1399) assert.deepEqual(signing, policy.algs, `a line of a replica does not sign at ${now}`)
      }
    }
    assert.ok(!ring.keys.some(({ jwk }) => jwk.alg === 'ES256' || jwk.kid === old))
    // Of the old line: two that signed, and one that waited. Of the new one: a key each thousand seconds.
    assert.equal(ring.history.filter(({ jwk }) => jwk.alg === 'ES256').length, 3)
    assert.equal(all.size, 3 + 4)
  })

  it('raises the high-water marks and never lowers them, and holds the ring to them', () => {
    const generous = policyOf({ ...POLICY.timing, maxTtl: 5000, retention: 6000 })
    const ring = settle(EMPTY_RING, generous, 0)
    assert.deepEqual(ring.marks, { maxTtl: 5000, maxAge: 100 })
    const lowered = settle(ring, POLICY, 1)
    assert.deepEqual(lowered.marks, ring.marks)
    const rotated = settle(lowered, POLICY, 1000)
    assert.equal(states(settle(rotated, POLICY, 6004)).includes('retired'), true, 'tokens of the old lifetime may live')
    const [retired] = kids(rotated, 'retired')
    assert.ok(settle(rotated, POLICY, 6005).keys.every(({ jwk }) => jwk.kid !== retired))
  })

  it('answers the very same ring when nothing is due', () => {
    const ring = settle(EMPTY_RING, POLICY, 0)
    const step = advance(ring, at(1))
    assert.equal(step.ring, ring)
    assert.deepEqual(step.changes, [])
  })

  it('has something to do exactly when ringDueAt() says so, over random policies and times', () => {
    const random = seeded(20_261_123)
    for (let trial = 0; trial < 300; trial += 1) {
      const lead = random.int(50, 5000)
      const [interval, retention] = [random.int(lead + 5, 20_000), random.int(200, 9000)]
      const policy = policyOf({ ...LENGTHS, interval, lead, retention, maxAge: 10, propagation: 5 })
      let now = 0
      let ring = settle(EMPTY_RING, policy, now)
      for (let step = 0; step < 12; step += 1) {
        const due = ringDueAt(ring, { policy, watch: believing })
        assert.ok(due > now && Number.isFinite(due))
        const early = { policy, watch: believing, now: instant(due - 0.001), fresh: [shapedKey()] }
        assert.equal(advance(ring, early).ring, ring)
        now = random.chance(0.5) ? due : due + random.int(0, 30_000)
        const next = advance(ring, { policy, watch: believing, now: instant(now), fresh: [shapedKey()] }).ring
        assert.notEqual(next, ring)
        ring = settle(next, policy, now)
        assert.equal(kids(ring, 'active').length, 1)
        assert.equal(kids(ring, 'standby').length, 1)
      }
    }
  })
})

describe('inOrder()', () => {
  it('puts active before standby before retired, and the default line first', () => {
    const policy = policyOf({ ...POLICY.timing }, ['RS256', 'ES256'])
    const ring = settle(settle(EMPTY_RING, policy, 0), policy, 1000)
    const ordered = inOrder(ring.keys, policy).map(({ state, jwk }) => `${state}:${jwk.alg}`)
    const both = (state: string): readonly string[] => [`${state}:RS256`, `${state}:ES256`]
    assert.deepEqual(ordered, [...both('active'), ...both('standby'), ...both('retired')])
    assert.deepEqual(inOrder(ring.keys.toReversed(), policy), inOrder(ring.keys, policy))
  })
})
