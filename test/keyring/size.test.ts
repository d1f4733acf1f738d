import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { instant, seconds } from '../../src/core/time.ts'
import type { Alg } from '../../src/jose/algorithm.ts'
import { ephemeralKek, type KeyEncryptionKey } from '../../src/jose/kek.ts'
import { type FreshKey, generateKey, isAvailable } from '../../src/jose/signer.ts'
import { sealRing } from '../../src/keyring/envelope.ts'
import { historyEntry } from '../../src/keyring/entry.ts'
import { MAX_HISTORY_BYTES } from '../../src/keyring/history.ts'
import { carryOut, type Order } from '../../src/keyring/order.ts'
import { newReplica } from '../../src/keyring/replica.ts'
import type { PastKey, Ring } from '../../src/keyring/ring.ts'
import { ringSize } from '../../src/keyring/size.ts'
import { MAX_DOCUMENT_BYTES, type RingStore, StoreUnavailable } from '../../src/keyring/store.ts'
import { fileStore } from '../../src/stores/file.ts'
import { memoryStore } from '../../src/stores/memory.ts'
import { bench, faulty, opened, randomBytes, ringIn } from '../support/keyring.ts'
import { LENGTHS, policyOf } from '../support/keys.ts'
import { isWhole } from '../support/share.ts'

const POLICY = policyOf(LENGTHS)
const folder = mkdtempSync(join(tmpdir(), 'jwksd-size-'))
after(() => rmSync(folder, { recursive: true }))

async function keysOf(alg: Alg, count: number, kek: KeyEncryptionKey): Promise<readonly FreshKey[]> {
  return await Promise.all(Array.from({ length: count }, () => generateKey(alg, { rsaBits: 2048, kek, randomBytes })))
}

const made: FreshKey[] = []

/** So many keys whose public halves alone are looked at: each test takes the same. */
async function pastKeys(count: number, kek: KeyEncryptionKey): Promise<readonly FreshKey[]> {
  made.push(...await keysOf('ES256', Math.max(0, count - made.length), kek))
  return made.slice(0, count)
}

function past({ jwk }: FreshKey, at: number): PastKey {
  const [publishedAt, activeAt, retiredAt, removedAt] = [0, 1, 2, 3].map((more) => instant(1_700_000_000 + at + more))
  assert.ok(publishedAt !== undefined && removedAt !== undefined)
  return { jwk, publishedAt, activeAt, retiredAt, removedAt, why: 'retired', reason: undefined }
}

/** A store whose ring has so many past keys, as an earlier jwksd left it, and the kids of all. */
async function grown(store: RingStore, count: number, kek: KeyEncryptionKey): Promise<readonly string[]> {
  const { ring } = (await opened(await bench(store, POLICY, kek))).lastSeen()
  const history = (await pastKeys(count, kek)).map(past)
  const held = await store.load()
  const next: Ring = { ...ring, generation: ring.generation + 1, history }
  assert.ok((await store.replace(await sealRing(next, [kek], randomBytes), held?.version)).ok)
  return history.map(({ jwk }) => jwk.kid)
}

const bytesOf = ({ history }: Ring): number => JSON.stringify(history).length

describe('the history of a ring', () => {
  it('E20: is moved to a file beside the store when it outgrows its share of a commit; none is lost', async () => {
    const path = join(folder, 'grown.json')
    const store = fileStore({ path, allowShared: false, randomBytes })
    const kek = await ephemeralKek(randomBytes)
    const kids = await grown(store, 2000, kek)
    assert.ok(statSync(path).size > MAX_HISTORY_BYTES)
    const keyring = await opened(await bench(store, POLICY, kek))
    await keyring.tick()
    const { ring } = keyring.lastSeen()
    assert.ok(bytesOf(ring) <= MAX_HISTORY_BYTES / 2, `${bytesOf(ring)} bytes`)
    assert.ok(statSync(path).size < MAX_HISTORY_BYTES)
    const lines = readFileSync(`${path}.past`, 'utf8').split('\n').filter((line) => line !== '')
    const archived = lines.map((line) => JSON.parse(line) as { jwk: { kid: string }; state: string; active_to: number })
    assert.deepEqual([...archived, ...ring.history].map(({ jwk }) => jwk.kid), kids)
    assert.deepEqual([archived[0]?.state, archived[0]?.active_to], ['removed', 1_700_000_002])
    assert.equal(statSync(`${path}.past`).mode & 0o777, 0o600)
    const again = await opened(await bench(store, POLICY, kek))
    assert.deepEqual(again.lastSeen().ring.history, ring.history)
  })

  it('E20: stays bounded and keeps the newest over a store without an archive', async () => {
    const kek = await ephemeralKek(randomBytes)
    const store = memoryStore()
    const kids = await grown(store, 2000, kek)
    const keyring = await opened(await bench(store, POLICY, kek))
    await keyring.tick()
    const { history } = keyring.lastSeen().ring
    assert.deepEqual(history.map(({ jwk }) => jwk.kid), kids.slice(-history.length))
    assert.ok(history.length > 100 && bytesOf(keyring.lastSeen().ring) <= MAX_HISTORY_BYTES)
  })

  it('E20: does not stop a rotation or a revocation when its archive cannot be written', async () => {
    const store = faulty(memoryStore())
    const kek = await ephemeralKek(randomBytes)
    await grown(store, 2000, kek)
    const broken: RingStore = { ...store, archive: () => Promise.reject(new StoreUnavailable('full')) }
    const world = await bench(broken, POLICY, kek)
    const keyring = await opened(world)
    const kid = keyring.lastSeen().signers.get(undefined)?.kid
    world.now = instant(world.now + 110)
    await keyring.tick()
    world.now = instant(world.now + 890)
    await keyring.tick()
    assert.notEqual((await keyring.current())?.signers.get(undefined)?.kid, kid)
    assert.equal(keyring.lastSeen().ring.history.length >= 2000, true)
    assert.ok(world.events.some(({ name }) => name === 'store.failed'))
    const signing = keyring.lastSeen().signers.get(undefined)?.kid ?? ''
    const order: Order = { action: 'revoke', kid: signing, force: true, reason: 'x' }
    assert.ok((await keyring.perform((ring, input) => carryOut(ring, order, input))).ok)
  })

  it('loses at most two old keys for each that comes, whatever the clock says', async () => {
    const kek = await ephemeralKek(randomBytes)
    const store = memoryStore()
    await grown(store, 20, kek)
    const world = await bench(store, { ...POLICY, history: seconds(3600 * 24 * 3650) }, kek)
    const keyring = await opened(world)
    world.jump(20 * 365 * 86_400)
    for (let waited = 0; waited < 2000; waited += 100) {
      world.now = instant(world.now + 100)
      await keyring.tick()
    }
    const came = world.events.filter(({ name }) => name === 'key.removed').length
    assert.ok(came > 0)
    assert.equal(keyring.lastSeen().ring.history.length, 20 + came - 2 * came)
  })
})

describe('the size of a ring', () => {
  it('E20: is checked before each commit: what the next start could not read is not written', async () => {
    const store = faulty(memoryStore())
    const kek = await ephemeralKek(randomBytes)
    const { deps } = await bench(store, POLICY, kek)
    await opened(await bench(store, POLICY, kek))
    const replica = newReplica(deps)
    const held = await replica.read()
    assert.ok(held !== undefined)
    const commits = store.commits.length
    const [fresh] = await keysOf('ES256', 1, kek)
    assert.ok(fresh !== undefined)
    const huge: Ring = { ...held.ring, history: [{ ...past(fresh, 0), reason: 'x'.repeat(MAX_DOCUMENT_BYTES) }] }
    await assert.rejects(replica.commit(huge, held), { name: 'KeyringFault', code: 'too_large' })
    assert.equal(store.commits.length, commits)
  })

  for (const alg of ['RS256', 'PS256', 'ES256', 'ES512', 'EdDSA', 'ML-DSA-44', 'ML-DSA-87'] as const) {
    it(`E20: is reckoned from above, but not by far: ${alg}`, async (context) => {
      if (!await isAvailable(alg)) return context.skip('this runtime lacks it')
      if (!isWhole && /^[RP]S/.test(alg)) return context.skip('npm test -- --all makes the RSA keys')
      const kek = await ephemeralKek(randomBytes)
      const policy = { ...policyOf(LENGTHS, [alg]), history: seconds(20_000) }
      const store = faulty(memoryStore())
      const world = await bench(store, policy, kek)
      const keyring = await opened(world)
      for (let rotation = 0; rotation < 23; rotation += 1) {
        world.now = instant(world.now + 500)
        await keyring.tick()
        await keyring.refill()
        world.now = instant(world.now + 500)
        await keyring.tick()
        await keyring.refill()
      }
      const { bytes, past: count, published } = ringSize(policy)
      const largest = Math.max(...store.commits.map((document) => document.length))
      const rings = store.commits.map(ringIn)
      assert.ok(largest <= bytes && bytes < 2 * largest, `${largest} bytes, reckoned ${bytes}`)
      assert.equal(Math.max(...rings.map(({ keys }) => keys.length)), published)
      assert.ok(Math.max(...rings.map(({ history }) => history.length)) <= count)
      const entry = keyring.lastSeen().ring.history[0]
      assert.ok(entry !== undefined && JSON.stringify(historyEntry(entry)).length > 0)
      return undefined
    })
  }
})
