import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { parseConfig } from '../../src/config/config.ts'
import { isObject, parseJson } from '../../src/core/json.ts'
import { instant } from '../../src/core/time.ts'
import type { Alg } from '../../src/jose/algorithm.ts'
import { ephemeralKek } from '../../src/jose/kek.ts'
import type { Keyring } from '../../src/keyring/keyring.ts'
import { mixedIn } from '../../src/keyring/mixed.ts'
import type { Policy } from '../../src/keyring/policy.ts'
import { type KeySet, setOfAlg, type Snapshot } from '../../src/keyring/snapshot.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { type RunningApp, startApp } from '../support/app.ts'
import { bench, faulty, opened, randomBytes } from '../support/keyring.ts'
import { LENGTHS, policyOf } from '../support/keys.ts'
import { seeded } from '../support/random.ts'

const ALGS = ['ES256', 'EdDSA'] as const
const COMMON: Policy = policyOf(LENGTHS, ALGS)
const SEPARATE: Policy = { ...COMMON, separate: ['EdDSA'] }
/** Seconds from one look to the next; caches keep a set for 100 s, tokens live for 100 s. */
const [STEP, MAX_AGE, TTL] = [10, 100, 100]

function kidsOf(set: KeySet | undefined): readonly string[] {
  const parsed = parseJson(set?.jwks ?? '{"keys":[]}')
  const keys = parsed.ok && isObject(parsed.value) && Array.isArray(parsed.value['keys']) ? parsed.value['keys'] : []
  return keys.map((key) => String(isObject(key) ? key['kid'] : ''))
}

/** A verifier with a cache: which set it reads, and of which algorithm it gets tokens. */
interface Verifier {
  readonly alg: Alg
  readonly read: (snapshot: Snapshot) => readonly string[]
  readonly cached: { readonly at: number; readonly kids: readonly string[] }[]
}

describe('separate key sets', () => {
  it('never break a verifier while replicas with and without them follow one another', async () => {
    const random = seeded(12)
    const [store, kek] = [faulty(memoryStore()), await ephemeralKek(randomBytes)]
    const verifiers: readonly Verifier[] = [
      { alg: 'ES256', read: kidsOf, cached: [] },
      { alg: 'EdDSA', read: (snapshot) => kidsOf(setOfAlg(snapshot, 'EdDSA')), cached: [] },
    ]
    let tokens: { readonly alg: Alg; readonly kid: string; readonly expiry: number }[] = []
    let [now, verified, wasSeparate, isCommonAgain] = [1_800_000_000, 0, 0, 0]
    const step = async (replicas: readonly { keyring: Keyring; set: (now: number) => void }[]): Promise<void> => {
      now += STEP
      for (const { set } of replicas) set(now)
      const { keyring } = random.pick(replicas)
      await keyring.tick()
      await keyring.refill()
      const snapshots = await Promise.all(replicas.map((replica) => replica.keyring.current()))
      const snapshot = random.pick(snapshots)
      const signing = random.pick(snapshots)
      assert.ok(snapshot !== undefined && signing !== undefined)
      for (const { cached, read } of verifiers) cached.push({ at: now, kids: read(snapshot) })
      for (const alg of ALGS) {
        const signer = signing.signers.get(alg)
        assert.ok(signer !== undefined, alg)
        tokens.push({ alg, kid: signer.kid, expiry: now + TTL })
      }
      tokens = tokens.filter(({ expiry }) => expiry > now)
      for (const { alg, cached } of verifiers) {
        const usable = cached.filter(({ at }) => now - at <= MAX_AGE)
        for (const token of tokens.filter((one) => one.alg === alg)) {
          for (const { at, kids } of usable) {
            // A set that was read before the token was made may be used until it is too old, one read later too.
            assert.ok(kids.includes(token.kid), `${alg} ${token.kid} in the set of ${now - at} s ago`)
            verified += 1
          }
        }
        cached.splice(0, cached.length, ...usable)
      }
    }
    const generations: readonly (readonly Policy[])[] = [
      [COMMON, COMMON], [SEPARATE, COMMON], [COMMON, SEPARATE], [SEPARATE, SEPARATE],
      [COMMON, SEPARATE], [SEPARATE, COMMON], [COMMON, COMMON],
    ]
    for (const policies of generations) {
      const replicas = await Promise.all(policies.map(async (policy) => {
        const world = await bench(store, policy, kek)
        world.jump(now - world.now)
        return { keyring: await opened(world), set: (moment: number) => { world.now = instant(moment) } }
      }))
      for (let steps = 0; steps < 250; steps += 1) {
        await step(replicas)
        const [first] = replicas
        const common = kidsOf(first?.keyring.lastSeen())
        const own = kidsOf(first === undefined ? undefined : setOfAlg(first.keyring.lastSeen(), 'EdDSA'))
        const apart = own.filter((kid) => !common.includes(kid)).length
        if (apart === own.length) wasSeparate += 1
        if (apart === 0 && wasSeparate > 0) isCommonAgain += 1
      }
    }
    assert.ok(verified > 10_000, `${verified} verifications`)
    assert.ok(wasSeparate > 10 && isCommonAgain > 10, `${wasSeparate} and ${isCommonAgain} looks`)
    assert.ok(store.commits.some((document) => document.startsWith('{"format":2,')))
    assert.ok(store.commits.at(-1)?.startsWith('{"format":1,'), 'an earlier version reads it again')
  })

  it('keep a key in its set from the day it was made, whatever is set later', async () => {
    const [store, kek] = [memoryStore(), await ephemeralKek(randomBytes)]
    const separate = await opened(await bench(store, SEPARATE, kek))
    const kids = kidsOf(setOfAlg(separate.lastSeen(), 'EdDSA'))
    assert.equal(kids.length, 2)
    const common = await opened(await bench(store, COMMON, kek))
    assert.deepEqual(kidsOf(setOfAlg(common.lastSeen(), 'EdDSA')), kids)
    assert.ok(!kidsOf(common.lastSeen()).some((kid) => kids.includes(kid)))
    assert.deepEqual(common.lastSeen().algs, ['ES256'])
  })

  it('are asked for by a warning where keys harm verifiers of other keys', () => {
    const policy = policyOf(LENGTHS, ['RS256', 'ML-DSA-44', 'ML-DSA-65'])
    assert.deepEqual(mixedIn(policy), ['ML-DSA-44', 'ML-DSA-65'])
    assert.deepEqual(mixedIn({ ...policy, separate: ['ML-DSA-44'] }), ['ML-DSA-65'])
    assert.deepEqual(mixedIn({ ...policy, separate: ['ML-DSA-44', 'ML-DSA-65'] }), [])
    assert.deepEqual(mixedIn(policyOf(LENGTHS, ['ML-DSA-44'])), [])
  })

  it('are refused where they leave nothing in the common set, or name what is not configured', () => {
    for (const [algs, set] of [['ES256', 'ES256'], ['ES256,EdDSA', 'EdDSA,ES256'], ['ES256', 'EdDSA']] as const) {
      const parsed = parseConfig({ args: ['--alg', algs, '--separate-set', set], env: {}, inFile: () => [] })
      assert.ok(!parsed.ok, set)
      assert.equal(parsed.error[0]?.typed, '--separate-set')
    }
  })
})

describe('a server with --separate-set', () => {
  let server: RunningApp
  before(async () => {
    server = await startApp('--alg', 'ES256,EdDSA', '--separate-set', 'EdDSA', '--issuer', 'http://127.0.0.1/tenant')
  })
  after(() => server.close())
  const get = (path: string, headers = {}): Promise<Response> => fetch(`${server.url}${path}`, { headers })
  const algsAt = async (path: string): Promise<readonly string[]> =>
    (await (await get(path)).json() as { keys: { alg: string }[] }).keys.map(({ alg }) => alg)

  it('serves the keys of each set at its own path, and the metadata lists the common set alone', async () => {
    assert.deepEqual(new Set(await algsAt('/.well-known/jwks.json')), new Set(['ES256']))
    assert.deepEqual(new Set(await algsAt('/.well-known/jwks-EdDSA.json')), new Set(['EdDSA']))
    assert.deepEqual(new Set(await algsAt('/tenant/.well-known/jwks-EdDSA.json')), new Set(['EdDSA']))
    const metadata = await (await get('/tenant/.well-known/openid-configuration')).json() as Record<string, unknown>
    assert.deepEqual(metadata['id_token_signing_alg_values_supported'], ['ES256'])
    assert.match(String(metadata['jwks_uri']), /\/jwks\.json$/)
    assert.equal((await get('/.well-known/jwks-RS256.json')).status, 404)
    assert.equal((await get('/.well-known/jwks-none.json')).status, 404)
  })

  it('sends the headers of the common set, tag and media type included', async () => {
    const names = ['cache-control', 'content-type', 'vary', 'access-control-allow-origin']
    const [common, own] = [await get('/.well-known/jwks.json'), await get('/.well-known/jwks-EdDSA.json')]
    for (const name of names) assert.equal(own.headers.get(name), common.headers.get(name), name)
    const etag = own.headers.get('etag') ?? ''
    assert.match(etag, /^"[\w-]{22}"$/)
    assert.equal((await get('/.well-known/jwks-EdDSA.json', { 'if-none-match': etag })).status, 304)
    const named = await get('/.well-known/jwks-EdDSA.json', { accept: 'application/jwk-set+json' })
    assert.equal(named.headers.get('content-type'), 'application/jwk-set+json')
    assert.equal((await fetch(`${server.url}/.well-known/jwks-EdDSA.json`, { method: 'POST' })).status, 405)
  })

  it('signs with the keys of both sets', async () => {
    for (const alg of ALGS) {
      const minted = await fetch(`${server.url}/auth`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ alg }),
      })
      const { kid } = await minted.json() as { kid: string }
      const path = alg === 'EdDSA' ? '/.well-known/jwks-EdDSA.json' : '/jwks.json'
      const { keys } = await (await get(path)).json() as { keys: { kid: string }[] }
      assert.ok(keys.some((key) => key.kid === kid), alg)
    }
  })
})
