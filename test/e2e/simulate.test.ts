import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { root } from '../../scripts/setup.js'
import { newFolder } from '../support/folder.ts'
import { run } from '../support/process.ts'

/** What `--json` prints, as far as it matters here. */
interface Told {
  readonly proved: boolean
  readonly span: number
  readonly outages: readonly unknown[]
  readonly keys: readonly { readonly activeAt: number }[]
  readonly verifiers: readonly { readonly kind: string; readonly failed: number; readonly tried: number }[]
}

describe('jwksd simulate', () => {
  it('exits with 0 and shows the timeline and every kind of verifier', async () => {
    const { code, stdout, stderr } = await run(['simulate'])
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^ {2}key 2 {3}-+#+=+$/m)
    assert.match(stdout, /^ {2}honours max-age +none of \d+$/m)
    assert.match(stdout, /^never refetches: the first failure$/m)
    assert.match(stdout, /^ {2}day \d+ [\d:]{8} +key 3 begins to sign$/m)
    assert.match(stdout, /^No verifier that honours max-age fails\.$/m)
  })

  it('exits with 1 for a configuration that the server refuses, and says which inequality fails', async () => {
    const { code, stdout } = await run(['simulate', '--retention', '30m'])
    assert.equal(code, 1)
    assert.match(stdout, /^jwksd does not start like this: Unsafe \(2\): retention is 1800 s but must be at least /)
    assert.match(stdout, /^honours max-age: the first failure$/m)
    assert.match(stdout, /key 1 is removed\n.*\n.*it is used and refused/)
  })

  it('exits with 1 where clocks are worse than the configuration says', async () => {
    assert.equal((await run(['simulate', '--skew', '2d'])).code, 1)
  })

  it('draws a rotation: one key has retired, one signs, one is published; docs shows it so', async () => {
    const path = join(newFolder(), 'rotation.svg')
    const { code, stderr } = await run(['simulate', '--preset', 'fast', '--outage', '0', '--svg', path])
    assert.equal(code, 0, stderr)
    const drawn = readFileSync(path, 'utf8')
    for (const state of ['key 1 RS256 retired', 'key 2 RS256 active', 'key 3 RS256 standby']) assert.match(drawn, new RegExp(`>${state}, `))
    assert.doesNotMatch(drawn, /<script| on\w+=|href/)
    assert.equal(drawn, readFileSync(join(root, 'docs', 'images', 'rotation.svg'), 'utf8'))
  })

  it('says why a picture cannot be written', async () => {
    const { code, stderr } = await run(['simulate', '--preset', 'fast', '--svg', '/nonexistent/x.svg'])
    assert.equal(code, 1)
    assert.match(stderr, /^jwksd: Cannot write \/nonexistent\/x\.svg: /)
  })

  it('prints JSON that says the same', async () => {
    const { code, stdout } = await run(['simulate', '--json', '--preset', 'fast', '--span', '10m', '--outage', '0'])
    const told = JSON.parse(stdout) as Told
    assert.equal(code, 0)
    assert.deepEqual([told.proved, told.span, told.outages.length], [true, 600, 0])
    assert.equal(told.keys[1]?.activeAt, 60)
    assert.equal(told.verifiers.length, 6)
    assert.ok(told.verifiers.every(({ failed, tried }) => failed <= tried))
    assert.equal(told.verifiers.find(({ kind }) => kind === 'honours max-age')?.failed, 0)
  })

  for (const [args, message] of [
    [['--span', '1 week'], '--span must be a duration such as 90s, 15m, 48h, 7d'],
    [['--outage', 'x'], '--outage must be a duration such as 90s, 15m, 48h, 7d'],
    [['--span', '3650d', '--rotation-interval', '2h'], '--span must not be more than 1000 times --rotation-interval'],
  ] as const) {
    it(`exits with 78 for ${args.join(' ')}`, async () => {
      const { code, stderr } = await run(['simulate', ...args])
      assert.equal(code, 78)
      assert.equal(stderr, `jwksd: ${message}\n`)
    })
  }
})
