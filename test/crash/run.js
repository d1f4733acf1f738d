import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { whyNotConfined } from './confined.js'
import { crash } from './crashes.js'
import { troubleDisks } from './disks.js'
import { injectFaults } from './faults.js'
import { jump, whyNoFaketime } from './jumps.js'
import { timeCommits } from './latency.js'
import { killHolders } from './locks.js'
import { cutMarks } from './marks.js'
import { whyNoDisk } from './mount.js'
import { dist, withNaiveStore } from './naive.js'
import { cutPower } from './power-cuts.js'
import { race } from './races.js'
import { cutReplacements } from './replacements.js'

/**
 * Breaks the built server in every way that a machine can, and looks for what is lost; and does the same to a naive
 * store, to show that the loops find losses. `--full` is what a release needs; without it, each loop runs for a moment.
 * `--confined` has the kills and the power cuts alone, of servers inside Node's permission model (Node.js 22 and later).
 */

const { values: { full, confined: isConfined } } = parseArgs({
  options: { full: { type: 'boolean', default: false }, confined: { type: 'boolean', default: false } },
})
const scale = full
  ? { crashes: 1000, kills: 1000, cuts: 30, seconds: 60, every: 1, jumps: 1, commits: 2000 }
  : { crashes: 40, kills: 40, cuts: 5, seconds: 6, every: 7, jumps: 5, commits: 200 }
/** The naive store must lose something within so many tries. */
const naiveTries = 400

let [passed, failed] = [0, 0]

/** @param {string} name @param {() => Promise<{ faults: string[] }>} loop @param {boolean} [mustFail] */
async function prove(name, loop, mustFail = false) {
  const start = Date.now()
  const { faults, ...counts } = await loop()
  const isGood = mustFail === faults.length > 0
  isGood ? passed += 1 : failed += 1
  const figures = Object.entries(counts).map(([what, count]) => `${what} ${count}`).join(', ')
  const verdict = mustFail ? (isGood ? 'loses, as it must' : 'LOST NOTHING: the loop proves nothing') : isGood ? 'ok' : 'FAILED'
  console.log(`${verdict}: ${name} (${figures}; ${Math.round((Date.now() - start) / 1000)} s)`)
  for (const fault of mustFail ? faults.slice(0, 1) : faults) console.log(`    ${fault.split('\n')[0]}`)
}

const noDisk = whyNoDisk()
const noTrace = spawnSync('strace', ['-V']).status === 0 ? undefined : 'strace is not installed'
/** @param {string | undefined} reason @param {() => Promise<void>} task */
const unless = async (reason, task) => reason === undefined ? await task() : console.log(`skipped: ${reason}`)

if (isConfined && whyNotConfined !== undefined) throw new Error(whyNotConfined)
await prove('kill -9', () => crash({ dist, count: scale.crashes, isConfined }))
for (const kind of /** @type {const} */ (['ext4', 'xfs', 'btrfs'])) {
  await unless(whyNoDisk(kind), async () => {
    await prove(`power cut after a replacement on ${kind}`, () => cutReplacements({ dist, count: scale.cuts, kind }))
    await prove(`power cut on ${kind}`, () => cutPower({ dist, count: scale.cuts, kind, isConfined }))
    await prove(`power cut of used identifiers on ${kind}`, () => cutMarks({ dist, count: scale.cuts, kind, isConfined }))
  })
}
if (!isConfined) await breakMore()
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1

/** What does not depend on the permissions of a server. */
async function breakMore() {
  await prove('kill -9 of a naive store', () => withNaiveStore((naive) => crash({ dist: naive, count: naiveTries, untilFault: true })), true)
  await prove('kill -9 of holders of the lock', () => killHolders({ dist, kills: scale.kills }))
  await unless(noDisk, async () => {
    await prove('power cut of a naive store', () => withNaiveStore((naive) =>
      // A durable write of the log makes the disk write the ring too.
      cutPower({ dist: naive, count: naiveTries, untilFault: true, isAudited: false })), true)
    await prove('full disk, read-only remount', () => troubleDisks({ dist }))
  })
  for (const processes of [2, 4]) await prove(`${processes} processes on one file`, () => race({ dist, processes, seconds: scale.seconds }))
  await prove('2 processes on one file of a naive store', () => withNaiveStore((naive) => race({ dist: naive, processes: 2, seconds: scale.seconds })), true)
  await unless(noTrace, () => prove('failing system calls', async () => injectFaults({ dist, every: scale.every })))
  await unless(whyNoFaketime(), () => prove('clocks that jump', () => jump({ dist, every: scale.jumps })))
  const { commits, median, p99, naiveMedian } = await timeCommits({ dist, count: scale.commits })
  console.log(`commit: ${median} ms median, ${p99} ms p99 over ${commits} (a naive writeFile: ${naiveMedian} ms median)`)
}
