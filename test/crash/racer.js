import { randomBytes } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * One of several processes on one file: orders a rotation as soon as the last one is done, and writes down what it
 * committed. `racer.js DIST RING JOURNAL`
 */

const [dist = '', path = '', journal = ''] = process.argv.slice(2)
/** @param {string} at */
const load = (at) => import(pathToFileURL(join(dist, at)).href)
const { fileStore } = await load('stores/file.js')
const { Keyring } = await load('keyring/keyring.js')
const { carryOut } = await load('keyring/order.js')
const { unsealedKek } = await load('jose/kek.js')

/** Seconds: retired keys go soon, and out of the history too, so that the file stays small. */
const timing = {
  interval: 60, lead: 0.1, retention: 0.3, maxAge: 0, ttl: 0.1, maxTtl: 0.1,
  cacheLayers: 1, propagation: 0.1, clockError: 0, leeway: 0,
}
const random = (/** @type {number} */ length) => new Uint8Array(randomBytes(length))
const store = fileStore({ path, allowShared: false, randomBytes: random })
const notes = openSync(journal, 'a')

/** A store that notes each commit when it is acknowledged; a kill before that leaves a gap. */
const noted = {
  ...store,
  replace: async (/** @type {string} */ document, /** @type {string | undefined} */ over) => {
    const replaced = await store.replace(document, over)
    if (replaced.ok) {
      const { ring } = JSON.parse(document)
      const kids = (/** @type {{ jwk: { kid: string } }[]} */ list) => list.map(({ jwk }) => jwk.kid.slice(0, 12))
      const { generation } = ring
      writeSync(notes, `${JSON.stringify({ generation, over, version: replaced.value, keys: kids(ring.keys), past: kids(ring.history) })}\n`)
    }
    return replaced
  },
}

const deps = {
  store: noted,
  policy: () => ({ timing, algs: ['ES256'], rsaBits: 2048, history: 5 }),
  keks: [await unsealedKek()],
  now: () => Date.now() / 1000,
  elapsed: () => performance.now() / 1000,
  randomBytes: random,
  emit: (/** @type {{ name: string }} */ event) => {
    if (event.name === 'server.fault') throw new Error(JSON.stringify(event))
  },
}
const counts = { rotated: 0, refused: 0, contended: 0 }

/**
 * Tries until others are not always first; everything else is a fault.
 * @template Value
 * @param {() => Promise<Value>} task
 * @returns {Promise<Value>}
 */
async function persist(task) {
  for (;;) {
    try {
      return await task()
    } catch (error) {
      if (/** @type {Error} */ (error).name !== 'StoreUnavailable') throw error
      counts.contended += 1
    }
  }
}

const opened = await persist(() => Keyring.open(deps))
if (!opened.ok) throw opened.error

const order = { action: 'rotate', algs: ['ES256'], force: true, reason: 'race' }
const rotate = (/** @type {object} */ ring, /** @type {object} */ input) => carryOut(ring, order, input)

let isOver = false
process.once('SIGTERM', () => {
  isOver = true
})
while (!isOver) {
  const done = await persist(() => opened.value.perform(rotate))
  counts[done.ok ? 'rotated' : 'refused'] += 1
}
await opened.value.refill()
closeSync(notes)
console.log(JSON.stringify(counts))
process.exit()
