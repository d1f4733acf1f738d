import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Clock, type Instant, instant } from '../../src/core/time.ts'
import type { Identifier, JtiStore } from '../../src/oauth/jti-store.ts'

/** The clock that the stores of these tests go by. */
export const START: number = Math.floor(Date.now() / 1000)
let now = instant(START)
export const clock: Clock = () => now
export const setClock = (to: Instant): void => void (now = to)
export const later = (length: number): Instant => (now + length) as Instant
export const of = (id: string, length = 60, client = 'client'): Identifier => ({ client, id, until: later(length) })
export const isRevoked = (store: JtiStore, id: string, client = 'client', issuedAt: number = START): Promise<boolean> =>
  store.isRevoked([{ client, id }], issuedAt)

/** What every store of identifiers promises. `make` answers a new, empty one, in which a client may have `most` marks. */
export function jtiContract(kind: string, make: () => JtiStore, most: number): void {
  describe(`the marks of ${kind}`, () => {
    it('B16 are set once, whoever asks how often at once', async () => {
      const store = make()
      const set = await Promise.all(Array.from({ length: 20 }, () => store.use(of('id'))))
      assert.equal(set.filter((one) => one === 'new').length, 1)
      assert.equal(await store.use(of('id', 600)), 'known')
      assert.equal(await store.use(of('id', 60, 'another')), 'known')
    })

    it('are different for each meaning and each identifier', async () => {
      const store = make()
      assert.equal(await isRevoked(store, 'id'), false)
      for (const id of ['id', 'other']) {
        assert.deepEqual([await store.use(of(id)), await store.revoke(of(id))], ['new', 'new'])
        assert.equal(await store.revoke(of(id)), 'known')
      }
      assert.equal(await isRevoked(store, 'id'), true)
      assert.equal(await isRevoked(store, 'third'), false)
      const line = [{ client: 'a', id: 'third' }, { client: 'b', id: 'other' }]
      assert.equal(await store.isRevoked(line, START), true)
    })

    it('E4 E5 E6 a full pot is the trouble of its client alone, and refuses without looking through it', async () => {
      const store = make()
      const fill = async (client: string, work: JtiStore['use']): Promise<void> => {
        const ids = Array.from({ length: most }, (_none, at) => `${client} ${at}`)
        for (let at = 0; at < ids.length; at += 100) {
          await Promise.all(ids.slice(at, at + 100).map((id) => work(of(id, 600, client))))
        }
      }
      await fill('evil', store.use)
      const refusals = Array.from({ length: 100 }, (_none, at) => store.use(of(`more ${at}`, 600, 'evil')))
      assert.deepEqual(new Set(await Promise.all(refusals)), new Set(['full']))
      assert.equal(await store.use(of('evil 0', 600, 'evil')), 'known')
      assert.equal(await store.use(of('one', 600, 'good')), 'new')
      assert.equal(await store.revoke(of('token', 600, 'evil')), 'new')
      assert.equal(await store.revoke(of('token', 600, 'good')), 'known')
    })
  })

  describe(`the revocations of a client in ${kind}`, () => {
    it('E5 become one of all its tokens until now when its pot is full', async () => {
      const store = make()
      for (let at = 0; at < most; at += 100) {
        const ids = Array.from({ length: 100 }, (_none, next) => String(at + next))
        await Promise.all(ids.map((id) => store.revoke(of(id, 600))))
      }
      assert.equal(await isRevoked(store, 'not'), false)
      assert.equal(await store.revoke(of('0', 600)), 'known')
      assert.equal(await store.revoke(of('one more', 600)), 'all')
      assert.equal(await isRevoked(store, 'one more'), true)
      assert.equal(await isRevoked(store, 'not'), true)
      assert.equal(await isRevoked(store, 'not', 'client', START + 1), false)
      assert.equal(await isRevoked(store, 'not', 'another'), false)
      now = later(5)
      assert.equal(await store.revoke(of('and one', 600)), 'all')
      assert.equal(await isRevoked(store, 'not', 'client', START + 5), true)
      now = instant(START)
      await store.revoke(of('back', 600))
      // A clock that went back takes no revocation back where another process may have made it.
      assert.equal(await isRevoked(store, 'not', 'client', START + 5), kind !== 'memory')
    })
  })
}
