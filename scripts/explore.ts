import { parseArgs } from 'node:util'
import { policyOf } from '../test/support/keys.ts'
import { boundsOf, explore } from '../test/keyring/exploration.ts'

/**
 * `npm run explore`: every state that replicas on one store can reach in worlds that are too large for `npm test`, at the
 * bounds of the promise; `-- --most N` ends a world after so many states.
 */

const { values: { most } } = parseArgs({ options: { most: { type: 'string', default: '600000' } } })
/** The largest error of a clock, and the clock of each replica. */
const WORLDS: readonly (readonly [clockError: number, offsets: readonly number[]])[] = [[0, [0, 0]], [1, [-1, 1]], [0, [0, 0, 0]]]
let [sum, failed] = [0, 0]
for (const [clockError, offsets] of WORLDS) {
  const policy = policyOf(boundsOf({ clockError, maxAge: 1, maxTtl: 1, propagation: 1 }))
  const begun = performance.now()
  const { states, isWhole, story } = explore({ policy, offsets, orders: true, late: true }, Number(most))
  sum += states
  if (story !== undefined) failed += 1
  const end = isWhole ? 'no more' : story === undefined ? 'stopped there' : 'BROKEN'
  console.log(`clocks ${offsets.join(', ')}: ${states} states, ${end} (${Math.round((performance.now() - begun) / 1000)} s)`)
  for (const step of story ?? []) console.log(`    ${step}`)
}
console.log(`${sum} states`)
console.log(`${WORLDS.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
