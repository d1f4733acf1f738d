import { createHash } from 'node:crypto'
import { instant } from '../../src/core/time.ts'
import type { Kid, PublicJwk } from '../../src/jose/jwk.ts'
import type { Sealed } from '../../src/jose/kek.ts'
import type { FreshKey } from '../../src/jose/signer.ts'
import { advance } from '../../src/keyring/advance.ts'
import { believing } from '../../src/keyring/believing.ts'
import type { RuleInput, Step } from '../../src/keyring/moves.ts'
import { carryOut } from '../../src/keyring/order.ts'
import type { Policy } from '../../src/keyring/policy.ts'
import { EMPTY_RING, type Key, type Ring } from '../../src/keyring/ring.ts'
import type { Lengths } from '../support/keys.ts'

/**
 * Every state that replicas on one store can reach, tick by tick and in every order: the real rules, clocks at both ends
 * of their error, writes that are lost, that win unheard, and that come late, restarts, and caches that keep what they
 * may. Stamps are relative to the present, so that the same state at another time is the same state.
 */

/** What is explored. */
export interface Small {
  readonly policy: Policy
  /** Ticks that the clock of each replica is ahead. */
  readonly offsets: readonly number[]
  /** Whether operators rotate and revoke, whenever they may. */
  readonly orders?: boolean
  /** Whether a write can arrive any time after it was decided. */
  readonly late?: boolean
  /** The rules; a test puts a fault into them. */
  readonly rules?: (ring: Ring, input: RuleInput) => Step
}

/** The ring that a replica has read, and how many ticks ago; it serves and signs by it. */
interface View {
  readonly ring: Ring
  readonly age: number
}

interface State {
  readonly store: Ring
  /** A write that is on its way, and the ring that it replaces. */
  readonly write?: { readonly ring: Ring; readonly over: Ring } | undefined
  readonly views: readonly (View | undefined)[]
  /** Key sets that caches may hold, and the ticks for which they may. */
  readonly cached: readonly (readonly [set: readonly string[], left: number])[]
  /** Keys with tokens that a verifier may accept, and the ticks for which it may. */
  readonly live: readonly (readonly [kid: string, left: number])[]
  readonly revoked: readonly string[]
}

/** What was found. */
export interface Explored {
  readonly states: number
  /** Whether nothing was left to explore. */
  readonly isWhole: boolean
  /** The shortest way to a state that breaks the promise, one sentence for each step. */
  readonly story: readonly string[] | undefined
}

const kidsOf = ({ keys }: Ring): readonly string[] => keys.map(({ jwk }) => jwk.kid).toSorted()

/** Explores until nothing is new, a state breaks the promise, or so many states were seen. */
export function explore(small: Small, most: number): Explored {
  const fresh = keyNamed('0')
  const first = stepOf(EMPTY_RING, small, 0, fresh).ring
  const start = seen({ store: first, views: small.offsets.map(() => undefined), cached: [], live: [], revoked: [] }, small)
  const ids = new Map([[nameOf(start.state), 0]])
  const from: (readonly [parent: number, what: string])[] = [[-1, 'the first ring']]
  let frontier: (readonly [state: State, id: number])[] = [[start.state, 0]]
  while (frontier.length > 0) {
    const next: (readonly [State, number])[] = []
    for (const [state, id] of frontier) {
      for (const [what, after] of stepsFrom(state, small)) {
        const { state: reached, broken } = seen(after, small)
        const name = nameOf(reached)
        if (broken === undefined && ids.has(name)) continue
        from.push([id, what])
        if (broken !== undefined) return { states: ids.size, isWhole: false, story: [...storyOf(from, from.length - 1), broken] }
        ids.set(name, from.length - 1)
        next.push([reached, from.length - 1])
        if (ids.size >= most) return { states: ids.size, isWhole: false, story: undefined }
      }
    }
    frontier = next
  }
  return { states: ids.size, isWhole: true, story: undefined }
}

function storyOf(from: readonly (readonly [number, string])[], last: number): readonly string[] {
  const story: string[] = []
  for (let at = last; at >= 0; at = from[at]?.[0] ?? -1) story.unshift(from[at]?.[1] ?? '')
  return story
}

/** The rules at a replica whose clock is so many ticks ahead. */
function stepOf(ring: Ring, { policy, rules = advance }: Small, offset: number, fresh: FreshKey): Step {
  return rules(ring, { policy, watch: believing, now: instant(offset), fresh: [fresh] })
}

/** Everything that can happen next. */
function* stepsFrom(state: State, small: Small): Generator<readonly [what: string, after: State]> {
  const { store, views } = state
  for (const [at, offset] of small.offsets.entries()) {
    const who = `replica ${at} (clock ${offset >= 0 ? '+' : ''}${offset})`
    const saw = (ring: Ring): readonly (View | undefined)[] => views.with(at, { ring, age: 0 })
    if (views[at]?.ring !== store || views[at]?.age !== 0) yield [`${who} reads`, { ...state, views: saw(store) }]
    const { ring, changes } = stepOf(store, small, offset, keyNamed(unused(state)))
    if (ring !== store) {
      const what = `${who} reads and commits ${changes.map(({ kid, to }) => `${kid} ${to}`).join(', ') || 'stamps'}`
      yield [what, { ...state, store: ring, views: saw(ring) }]
      yield [`${what}, and does not hear of it`, { ...state, store: ring, views: saw(store) }]
      const write = { ring, over: store }
      if (small.late === true && state.write === undefined) yield [`${what}: it is on its way`, { ...state, write, views: saw(store) }]
    }
    if (views[at] !== undefined) yield [`${who} is killed`, { ...state, views: views.with(at, undefined) }]
    if (small.orders === true) yield* ordersAt(state, small, at)
  }
  const { write } = state
  if (write?.over === store) yield ['the write arrives', { ...state, store: write.ring, write: undefined }]
  yield ['a tick passes', later(state, small.policy)]
}

/** The orders that an operator may give to a replica now. */
function* ordersAt(state: State, { policy, offsets }: Small, at: number): Generator<readonly [string, State]> {
  const input = { policy, watch: believing, now: instant(offsets[at] ?? 0), fresh: [keyNamed(unused(state))] }
  const active = state.store.keys.find((key) => key.state === 'active')?.jwk.kid ?? ''
  const orders = [
    { action: 'rotate', algs: policy.algs, force: false, reason: '' } as const,
    { action: 'revoke', kid: active, force: false, reason: '' } as const,
  ]
  for (const order of orders) {
    if (order.action === 'revoke' && state.revoked.length > 0) continue
    const done = carryOut(state.store, order, input)
    if (!done.ok || done.value.ring === state.store) continue
    const { ring } = done.value
    const revoked = order.action === 'revoke' ? [active] : state.revoked
    yield [`replica ${at} is told to ${order.action}`, { ...state, store: ring, views: state.views.with(at, { ring, age: 0 }), revoked }]
  }
}

/** The state with all that is served and signed in it, and what is broken about it. */
function seen(state: State, { policy: { timing }, offsets }: Small): { readonly state: State; readonly broken: string | undefined } {
  const cached = new Map(state.cached.map(([set, left]) => [set.join(), [set, left] as const]))
  const live = new Map(state.live)
  const views = state.views.map((view) => view !== undefined && view.age > timing.propagation ? undefined : view)
  for (const [at, view] of views.entries()) {
    if (view === undefined) continue
    const set = kidsOf(view.ring)
    // A copy is fresh while it is younger than its max-age (RFC 9111 section 4.2), a token good before its expiry.
    cached.set(set.join(), [set, timing.cacheLayers * timing.maxAge - 1])
    const kid = view.ring.keys.find((key) => key.state === 'active')?.jwk.kid
    if (kid === undefined) return { state, broken: `replica ${at} has no key that signs` }
    // What the clock of a verifier errs is part of its leeway.
    const left = (offsets[at] ?? 0) + timing.maxTtl + timing.leeway - 1
    live.set(kid, Math.max(left, live.get(kid) ?? 0))
  }
  const isGone = (kid: string): boolean => state.revoked.includes(kid)
  const missing = [...cached.values()].flatMap(([set]) => [...live.keys()].filter((kid) => !set.includes(kid) && !isGone(kid)))
  const signing = state.store.keys.filter((key) => key.state === 'active')
  const back = state.store.keys.find(({ jwk }) => isGone(jwk.kid))
  const broken = missing[0] !== undefined ? `a verifier has a key set without ${missing[0]}, of which it gets a token`
    : signing.length !== 1 ? `${signing.length} keys sign in one ring`
    : back !== undefined ? `the revoked key ${back.jwk.kid} is back` : undefined
  return { state: renamed({ ...state, views, cached: [...cached.values()].toSorted(), live: [...live].toSorted() }), broken }
}

/** The same state a tick later. */
function later(state: State, { timing }: Policy): State {
  const oldest = -(timing.interval + timing.lead + timing.retention)
  const shifted = (moment: number | undefined): never => (moment === undefined ? undefined : Math.max(oldest, moment - 1)) as never
  const rings = new Map<Ring, Ring>()
  const aged = (ring: Ring): Ring => {
    const keys = ring.keys.map((key) => Object.fromEntries(Object.entries(key).map(([name, value]) =>
      [name, name.endsWith('At') ? shifted(value as number | undefined) : value])) as unknown as Key)
    const known = rings.get(ring) ?? { ...ring, keys }
    rings.set(ring, known)
    return known
  }
  const left = <Item>(items: readonly (readonly [Item, number])[]): readonly (readonly [Item, number])[] =>
    items.flatMap(([item, rest]) => rest > 0 ? [[item, rest - 1] as const] : [])
  return {
    ...state,
    store: aged(state.store),
    // A write over another ring can only be lost.
    write: state.write?.over === state.store ? { ring: aged(state.write.ring), over: aged(state.store) } : undefined,
    views: state.views.map((view) => view && { ring: aged(view.ring), age: view.age + 1 }),
    cached: left(state.cached),
    live: left(state.live),
  }
}

/** The state with its keys numbered in the order in which it names them, and without what the rules do not read. */
function renamed(state: State): State {
  const names = new Map<string, string>()
  const nameFor = (kid: string): string => {
    const name = names.get(kid) ?? String(names.size)
    names.set(kid, name)
    return name
  }
  const rings = new Map<string, Ring>()
  const ringOf = ({ keys }: Ring): Ring => {
    const short = keys.map((key) => ({ ...key, jwk: { ...key.jwk, kid: nameFor(key.jwk.kid) as Kid } }) as Key)
    const text = JSON.stringify(short)
    const known = rings.get(text) ?? { ...EMPTY_RING, marks: state.store.marks, keys: short }
    rings.set(text, known)
    return known
  }
  return {
    store: ringOf(state.store),
    write: state.write?.over === state.store ? { ring: ringOf(state.write.ring), over: ringOf(state.store) } : undefined,
    views: state.views.map((view) => view && { ring: ringOf(view.ring), age: view.age }),
    cached: state.cached.map(([set, left]) => [set.map(nameFor).toSorted(), left] as const).toSorted(),
    live: state.live.map(([kid, left]) => [nameFor(kid), left] as const).toSorted(),
    revoked: state.revoked.map(nameFor),
  }
}

function nameOf({ store, write, views, cached, live, revoked }: State): string {
  const short = ({ keys }: Ring): unknown => keys.map((key) => Object.entries(key).flatMap(([name, value]) =>
    name === 'jwk' ? [(value as PublicJwk).kid] : name === 'sealed' ? [] : [value]))
  const text = JSON.stringify([short(store), write && short(write.ring), views.map((view) => view && [short(view.ring), view.age]), cached, live, revoked])
  return createHash('sha1').update(text).digest('base64')
}

function keyNamed(kid: string): FreshKey {
  return { jwk: { kty: 'EC', kid: kid as Kid, use: 'sig', alg: 'ES256' } as unknown as PublicJwk, sealed: {} as Sealed }
}

/** A name that no key of the state has. */
function unused({ store, write, views, cached, live, revoked }: State): string {
  const kids = [store, ...write === undefined ? [] : [write.ring], ...views.flatMap((view) => view?.ring ?? [])].flatMap(kidsOf)
  const all = [...kids, ...cached.flatMap(([set]) => set), ...live.map(([kid]) => kid), ...revoked]
  return String(Math.max(-1, ...all.map(Number)) + 1)
}

/** Lengths in ticks at the bounds of (1), (2) and (3). */
export function boundsOf(lengths: { readonly clockError: number; readonly maxAge: number; readonly maxTtl: number; readonly propagation: number }): Lengths {
  const { clockError, maxAge, maxTtl, propagation } = lengths
  const [cacheLayers, leeway] = [1, 0]
  const lead = propagation + cacheLayers * maxAge + 2 * clockError
  const retention = propagation + maxTtl + leeway + 3 * clockError
  return { ...lengths, cacheLayers, leeway, lead, retention, interval: lead + propagation, ttl: 1 }
}
