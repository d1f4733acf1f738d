import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import { withNaiveStore } from './naive.js'

/** Bytes: a ring of two sealed RSA keys, one retired and a year of history. */
const SIZE = 32_000

/**
 * Milliseconds of a commit to the real file store and to the naive one, in turns.
 * @param {{ dist: string, count: number }} order
 */
export async function timeCommits({ dist, count }) {
  const folder = mkdtempSync(join(tmpdir(), 'jwksd-latency-'))
  try {
    return await withNaiveStore(async (naive) => {
      const real = await storeIn(dist, join(folder, 'real.json'))
      const other = await storeIn(naive, join(folder, 'naive.json'))
      /** @type {[number[], number[]]} */
      const times = [[], []]
      for (let commit = 0; commit < count; commit += 1) {
        times[0].push(await timeOne(real, commit))
        times[1].push(await timeOne(other, commit))
      }
      const [median, late] = [0.5, 0.99].map((share) => at(times[0], share))
      return { commits: count, median, p99: late, naiveMedian: at(times[1], 0.5) }
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** @param {string} dist @param {string} path */
async function storeIn(dist, path) {
  const { fileStore } = await import(pathToFileURL(join(dist, 'stores', 'file.js')).href)
  const store = fileStore({ path, allowShared: false, randomBytes: (/** @type {number} */ length) => new Uint8Array(randomBytes(length)) })
  return { store, version: undefined }
}

/** @param {{ store: any, version: string | undefined }} place @param {number} commit */
async function timeOne(place, commit) {
  const document = `${commit}${'x'.repeat(SIZE)}`
  const start = performance.now()
  const replaced = await place.store.replace(document, place.version)
  const time = performance.now() - start
  place.version = replaced.value
  return time
}

/** @param {readonly number[]} times @param {number} share */
function at(times, share) {
  return Number(times.toSorted((one, other) => one - other)[Math.floor(times.length * share)]?.toFixed(2))
}
