import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Event, LEVELS } from '../../src/core/event.ts'
import { type Instant, instant, timestamp } from '../../src/core/time.ts'
import { systemClock } from '../../src/system/clock.ts'
import { jsonLog } from '../../src/system/log.ts'
import { terminalLog } from '../../src/system/terminal-log.ts'
import { systemRandom } from '../../src/system/random.ts'
import { startTicker } from '../../src/system/ticker.ts'

const MINTED: Event = { name: 'token.minted', kid: 'k', alg: 'ES256', jti: 'j', subject: 's', aud: 'api', exp: 60 }
const STOPPED: Event = { name: 'server.stopped' }
const now = (): Instant => instant(1_800_000_000.5)

describe('the log', () => {
  it('writes one JSON object a line: level, time, event, fields', () => {
    const lines: string[] = []
    const log = jsonLog({ least: 'debug', now, write: (line) => lines.push(line) })
    log(MINTED)
    const start = '"level":"debug","time":"2027-01-15T08:00:00.500Z","event":"token.minted"'
    const fields = '"kid":"k","alg":"ES256","jti":"j","subject":"s","aud":"api","exp":60'
    assert.deepEqual(lines, [`{${start},${fields}}\n`])
  })

  it('leaves out what is below its level', () => {
    const lines: string[] = []
    const log = jsonLog({ least: 'warning', now, write: (line) => lines.push(line) })
    const failed = { name: 'store.failed', code: 'x', detail: '' } as const
    for (const event of [MINTED, STOPPED, { name: 'store.volatile' }, failed] as const) log(event)
    assert.deepEqual(lines.map((line) => (JSON.parse(line) as { level: string }).level), ['warning', 'error'])
  })

  it('D10 writes no character that acts on a terminal, in either form', () => {
    for (const make of [jsonLog, terminalLog]) {
      const lines: string[] = []
      const log = make({ least: 'info', now, write: (line) => lines.push(line) })
      log({ name: 'server.stopping', signal: 'a\nb\u001b[31m\u2028c' })
      assert.equal(lines.length, 1)
      assert.doesNotMatch(lines[0]?.slice(0, -1) ?? '', /[\u0000-\u001f\u2028]/)
    }
  })

  it('writes short lines for a person', () => {
    const lines: string[] = []
    const log = terminalLog({ least: 'info', now, write: (line) => lines.push(line) })
    log({ name: 'key.promoted', kid: 'k', alg: 'ES256' })
    log({ name: 'store.failed', code: 'store_unavailable', detail: 'Cannot' })
    assert.deepEqual(lines, [
      '08:00:00  key.promoted  kid=k  alg=ES256\n',
      '08:00:00  error  store.failed  code=store_unavailable  detail=Cannot\n',
    ])
  })

  it('logs an event as info, unless it is named for another level', () => {
    const names = ['token.minted', 'key.promoted', 'key.revoked', 'server.fault'] as const
    assert.deepEqual(names.map((name) => LEVELS.get(name) ?? 'info'), ['debug', 'info', 'warning', 'error'])
  })
})

describe('the ticker', () => {
  it('ticks when it is due, again after that, and no more once it is stopped', async () => {
    let ticks = 0
    await new Promise<void>((resolve) => {
      const stop = startTicker({
        now: systemClock,
        nextTick: systemClock,
        tick: async () => {
          ticks += 1
          if (ticks < 3) return
          stop()
          resolve()
        },
      })
    })
    await new Promise((resolve) => setTimeout(resolve, 200))
    assert.equal(ticks, 3)
  })

  it('does not run away with a tick that is due beyond what a timer can count', async () => {
    let ticks = 0
    const tick = async (): Promise<void> => void (ticks += 1)
    const stop = startTicker({ now: systemClock, nextTick: () => instant(systemClock() + 30 * 86_400), tick })
    await new Promise((resolve) => setTimeout(resolve, 200))
    stop()
    assert.equal(ticks, 0)
  })
})

describe('the system', () => {
  it('has a clock in seconds and entropy in bytes', () => {
    assert.ok(Math.abs(systemClock() - Date.now() / 1000) < 60)
    assert.equal(timestamp(instant(0)), '1970-01-01T00:00:00.000Z')
    assert.equal(systemRandom(16).length, 16)
    assert.notDeepEqual(systemRandom(16), systemRandom(16))
  })
})
