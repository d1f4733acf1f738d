import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keyTable } from '../../src/cli/key-table.ts'
import { kidFrom, shortKid } from '../../src/cli/kid-prefix.ts'
import { instant } from '../../src/core/time.ts'

const KIDS = [`abcdefgh1${'x'.repeat(34)}`, `abcdefgh2${'x'.repeat(34)}`, `zyxwvuts${'x'.repeat(35)}`, `-dash${'x'.repeat(38)}`]

describe('kidFrom()', () => {
  it('takes back everything that is shown', () => {
    for (const kid of KIDS) assert.deepEqual(kidFrom(shortKid(kid, KIDS), KIDS), { ok: true, value: kid })
  })

  it('shows what could be an option as a whole', () => assert.equal(shortKid(KIDS[3] ?? '', KIDS), KIDS[3]))

  const refused = [['abcdefgh', /several keys.*gh1x+, abcdefgh2x+$/], ['none', /no key.*zyxw/], ['zy', /too short/], ['', /several/]] as const
  for (const [typed, expected] of refused) {
    it(`refuses "${typed}" and names the candidates`, () => {
      const found = kidFrom(typed, KIDS)
      assert.match(found.ok ? '' : found.error, expected)
    })
  }
})

describe('keyTable() on a terminal', () => {
  it('fits 80 columns', () => {
    const key = { alg: 'RS256', state: 'standby', since: 0, next: 'promoted', next_at: 2e6, removed_at: 3e6 }
    const table = keyTable({ keys: KIDS.slice(0, 3).map((kid) => ({ ...key, kid })) }, instant(1e6))
    for (const line of table.split('\n')) assert.ok(line.length <= 80, line)
    assert.match(table, /^zyxwvuts   RS256  standby  11 d 13 h ago  promoted  in 11 d 13 h  in 23 d 3 h$/m)
  })
})
