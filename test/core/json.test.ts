import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isObject, type Json, parseJson, parseJsonBytes } from '../../src/core/json.ts'
import { type Seeded, seeded } from '../support/random.ts'
import { shareOf } from '../support/share.ts'

const DOCUMENTS = shareOf(30_000)

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

/** Documents that some reader takes, with the member that the fault names; a syntax error names none. */
const HOSTILE: readonly (readonly [string, string, string])[] = [
  ['a duplicate member', '{"a":1,"a":2}', 'a'],
  ['a duplicate by another spelling', '{"a":1,"\\u0061":2}', 'a'],
  ['a nested duplicate', '{"x":{"y":[{"z":1,"z":1}]}}', 'x.y[0].z'],
  ['a duplicate behind marks in a text', '{"b":"{[,:\\\\","c":["\\"a\\":",{}],"a" :1,"a":2}', 'a'],
  ['a duplicate in the second item', '[{"a":1},[0,{"a":1,"a":2}]]', '[1][1].a'],
  ['a duplicate of a name that Object has', '{"toString":1,"toString":1}', 'toString'],
  ['__proto__', '{"__proto__":{}}', '__proto__'],
  ['__proto__ by another spelling', '{"\\u005f\\u005fproto__":1}', '__proto__'],
  ['a nested __proto__', '{"a":{"__proto__":1}}', 'a.__proto__'],
  ['a lone high surrogate', '{"a":"\\ud800"}', 'a'],
  ['a lone low surrogate', '["\\udc00"]', '[0]'],
  ['surrogates in the wrong order', '"\\udc00\\ud800"', ''],
  ['a raw lone surrogate', '"\ud800"', ''],
  ['a lone surrogate in a name', '{"\\ud800":1}', ''],
  ['a number beyond any', '{"a":1e999}', 'a'],
  ['a number below any', '[-1e999]', '[0]'],
  ['an integer beyond exactness', '{"a":9007199254740992}', 'a'],
  ['a negative one', '{"a":-9007199254740993}', 'a'],
  ['an integer written as a power', '1e20', ''],
  ['too much depth', nested(34), '[0]'.repeat(33)],
  ['far too much depth', nested(100_000), '[0]'.repeat(33)],
  ['brackets that do not close', '['.repeat(100_000), ''],
  ['nothing', '', ''],
  ['space alone', ' \n', ''],
  ['two documents', '{} {}', ''],
  ['a trailing comma in an object', '{"a":1,}', ''],
  ['a trailing comma in a list', '[1,]', ''],
  ['a leading comma', '[,1]', ''],
  ['no comma', '[1 2]', ''],
  ['no colon', '{"a" 1}', ''],
  ['a name without quotes', '{a:1}', ''],
  ['single quotes', "{'a':1}", ''],
  ['a leading zero', '[01]', ''],
  ['a leading plus', '[+1]', ''],
  ['a leading point', '[.5]', ''],
  ['a trailing point', '[1.]', ''],
  ['a hexadecimal number', '[0x1]', ''],
  ['NaN', '[NaN]', ''],
  ['Infinity', '[Infinity]', ''],
  ['undefined', '[undefined]', ''],
  ['a word cut short', '[tru]', ''],
  ['another case', '[True]', ''],
  ['a comment', '{}/*x*/', ''],
  ['a line comment', '//x\n{}', ''],
  ['a byte order mark', '\ufeff{}', ''],
  ['a raw line break in a text', '"a\nb"', ''],
  ['a raw tab in a text', '"a\tb"', ''],
  ['a raw NUL in a text', '"a\u0000b"', ''],
  ['an unknown escape', '"\\x41"', ''],
  ['a short escape', '"\\u12"', ''],
  ['a text without its end', '"abc', ''],
  ['an object without its end', '{"a":1', ''],
  ['a list without its end', '[1', ''],
  ['a no-break space', '[1,\u00a01]', ''],
  ['a form feed', '[\f1]', ''],
]

describe('parseJson()', () => {
  for (const [what, text, member] of HOSTILE) {
    it(`refuses ${what}`, () => {
      const parsed = parseJson(text)
      assert.ok(!parsed.ok, 'it was read')
      assert.equal(parsed.error.member, member)
    })
  }

  it('reads 32 levels of nesting, and integers up to the exact ones', () => {
    assert.ok(parseJson(nested(33)).ok)
    const value = [9_007_199_254_740_991, -0, 1500, 0.1, 0]
    assert.deepEqual(parseJson('[9007199254740991,-0,1.5e3,0.1,1e-400]'), { ok: true, value })
  })

  it('D9 gives objects no prototype, so that no member has a meaning', () => {
    const parsed = parseJson('{"constructor":1,"toString":2,"hasOwnProperty":3}')
    assert.ok(parsed.ok && isObject(parsed.value))
    assert.equal(Object.getPrototypeOf(parsed.value), null)
    assert.deepEqual(Object.entries(parsed.value), [['constructor', 1], ['toString', 2], ['hasOwnProperty', 3]])
  })

  it('refuses bytes that are not UTF-8', () => {
    const error = { reason: 'is not valid UTF-8', member: '' }
    assert.deepEqual(parseJsonBytes(Uint8Array.of(0x22, 0xff, 0x22)), { ok: false, error })
    assert.ok(parseJsonBytes(Buffer.from('"ż"')).ok)
  })

  it(`agrees with JSON.parse on every one of ${DOCUMENTS} generated and mutated documents that it takes`, () => {
    const random = seeded(3)
    let taken = 0
    for (let trial = 0; trial < DOCUMENTS; trial += 1) {
      const whole = JSON.stringify(value(random, 0))
      const text = random.chance(0.5) ? whole : mutated(whole, random)
      const parsed = parseJson(text)
      if (!parsed.ok) continue
      taken += 1
      assert.deepEqual(plain(parsed.value), JSON.parse(text), text)
    }
    assert.ok(taken > DOCUMENTS / 2, `${taken} taken`)
  })
})

/** The same value in objects as JSON.parse makes them. */
function plain(from: Json): unknown {
  if (Array.isArray(from)) return from.map(plain)
  if (!isObject(from)) return from
  return Object.fromEntries(Object.entries(from).map(([name, inner]) => [name, plain(inner)]))
}

function value(random: Seeded, depth: number): unknown {
  const kind = random.int(0, depth > 4 ? 4 : 6)
  if (kind === 0) return null
  if (kind === 1) return random.chance(0.5)
  if (kind === 2) return random.pick([0, -1, 1.5, 1e21, 123_456_789, -0.001, 9_007_199_254_740_991])
  if (kind <= 4) return random.pick(['', 'a', 'ż', '😀', '"\\\n\u0000', '__proto__', '\u2028'])
  const items = Array.from({ length: random.int(0, 4) }, () => value(random, depth + 1))
  if (kind === 5) return items
  return Object.fromEntries(items.map((item, at) => [random.pick(['a', 'b', 'é', String(at)]), item]))
}

function mutated(text: string, random: Seeded): string {
  const at = random.int(0, text.length)
  const marks = ['', '"', ',', ':', '{', '}', '[', ']', '0', '-', 'e', '.', ' ', '\\', 'u', 'true', '\u0001']
  const stray = random.pick(marks)
  return text.slice(0, at) + stray + text.slice(at + random.int(0, 2))
}
