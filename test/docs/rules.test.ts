import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, it } from 'node:test'
import { filesBelow, root } from '../../scripts/setup.js'

/** A code as a test title or a row of cases writes it; `%C5` in a form is no code. */
const CODE = /(?<![\w%.])[A-E]\d{1,2}\b/g

describe('docs/rules.md', () => {
  const page = readFileSync(join(root, 'docs', 'rules.md'), 'utf8')
  const rows = [...page.matchAll(/^\| ([A-E]\d+) \| .+ \|(?: .+)? \|$/gm)].map(([row = '', code = '']) => ({ row, code }))
  const explained = new Set(rows.map(({ code }) => code))
  const untested = new Set(rows.filter(({ row }) => row.endsWith('| no test yet |')).map(({ code }) => code))
  const tests = filesBelow(join(root, 'test'))
    .filter((path) => /^(?!.*node_modules).*\.ts$/.test(path) && path !== import.meta.filename)
  const codesOf = (path: string): readonly string[] => readFileSync(path, 'utf8').match(CODE) ?? []
  const named = new Set(tests.flatMap(codesOf))

  it('explains every code that a test names', () => {
    assert.deepEqual([...named].filter((code) => !explained.has(code)), [])
  })

  it('explains no code that no test names, unless it says so', () => {
    assert.deepEqual([...explained].filter((code) => !named.has(code)), [...untested])
  })

  it('has all rules of the borders, and names the files of their tests', () => {
    const borders = rows.filter(({ code }) => code.startsWith('E'))
    assert.deepEqual(borders.map(({ code }) => code), Array.from({ length: 27 }, (_, at) => `E${at + 1}`))
    for (const { row, code } of borders) {
      const [, ...files] = (/[^|]+(?= \|$)/.exec(row)?.[0] ?? '').split('`').filter((_, at) => at === 0 || at % 2 === 1)
      const holding = tests.map((path) => relative(root, path)).filter((path) => codesOf(join(root, path)).includes(code))
      assert.deepEqual(files, holding.map((path) => path.replaceAll('\\', '/')), code)
    }
  })
})

describe('docs/threat-model.md', () => {
  const page = readFileSync(join(root, 'docs', 'threat-model.md'), 'utf8')
  const rules = readFileSync(join(root, 'docs', 'rules.md'), 'utf8')

  it('names rules and tests that exist', () => {
    assert.deepEqual((page.match(CODE) ?? []).filter((code) => !rules.includes(`\n| ${code} |`)), [])
    const quoted = [...page.matchAll(/\(`(test\/[\w./-]+)`: ([^)]+)\)/g)]
    const missing = quoted.filter(([, path = '', title = '']) => !readFileSync(join(root, path), 'utf8').includes(title))
    assert.deepEqual(missing.map(([text]) => text), [])
  })

  it('has a rule, a test or the word "not" in every statement', () => {
    const statements = page.split('\n- ').slice(1).map((text) => text.split('\n\n')[0] ?? '')
    assert.deepEqual(statements.filter((text) => !/\b[A-E]\d{1,2}\b|`test\/|\*\*not\*\*/.test(text)), [])
    assert.ok(statements.length > 20)
  })
})
