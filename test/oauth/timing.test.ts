import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Call } from '../../src/http/call.ts'
import { basic, client, SECRET, startService } from '../support/oauth.ts'

const ROUNDS = 10_000
const WARM_UP = 2000
/** How far the chance that one kind takes longer than the other may lie from one half. */
const TOLERANCE = 0.05

/** The chance that a time of `one` is longer than one of `other`: the statistic of Mann and Whitney over all pairs. */
function chance(one: readonly number[], other: readonly number[]): number {
  const all = [one, other].flatMap((times) => times.map((time) => ({ time, isOne: times === one })))
    .sort((left, right) => left.time - right.time)
  const ranks = all.reduce((sum, { isOne }, at) => isOne ? sum + at + 1 : sum, 0)
  return (ranks - one.length * (one.length + 1) / 2) / (one.length * other.length)
}

describe('a refusal', () => {
  it('C6 takes as long for an unknown client as for a wrong secret', async (test) => {
    const service = await startService([client('known')])
    const found = service.app.routerAt(service.url).find('POST', '/token')
    assert.ok('handler' in found)
    const { handler } = found
    const ask = async (user: string, round: number): Promise<number> => {
      const headers: Readonly<Record<string, string | undefined>> = {
        'content-type': 'application/x-www-form-urlencoded', ...basic(user, SECRET.replace(/^./, 'X')),
      }
      const call: Call = {
        method: 'POST',
        path: '/token',
        query: '',
        header: (name) => headers[name],
        body: Buffer.from('grant_type=client_credentials'),
        // Each from another address, so that none is throttled.
        address: () => `${user} ${round}`,
      }
      const start = process.hrtime.bigint()
      const { status } = await handler(call)
      const time = Number(process.hrtime.bigint() - start)
      assert.equal(status, 401)
      return time
    }
    const unknown: number[] = []
    const known: number[] = []
    for (let round = 0; round < ROUNDS + WARM_UP; round += 1) {
      // In turns, and each as often first as second.
      const pair = round % 2 === 0 ? ['known', 'anyone'] : ['anyone', 'known']
      for (const user of pair) {
        const time = await ask(user, round)
        if (round >= WARM_UP) (user === 'known' ? known : unknown).push(time)
      }
    }
    const longer = chance(unknown, known)
    test.diagnostic(`P(unknown client takes longer than wrong secret) = ${longer.toFixed(4)} over ${ROUNDS} of each`)
    assert.ok(Math.abs(longer - 0.5) < TOLERANCE, `the time tells an unknown client from a known one: ${longer}`)
    await service.close()
  })
})
