import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { filesBelow, root } from '../../scripts/setup.js'

/** A code as a test title or a row of cases writes it; `%C5` in a form is no code. */
const CODE = /(?<![\w%.])[A-E]\d{1,2}\b/g

describe('docs/rules.md', () => {
  const rows = readFileSync(join(root, 'docs', 'rules.md'), 'utf8').matchAll(/^\| ([A-E]\d+) \| .+ \| .+ \|$/gm)
  const explained = new Set([...rows].map(([, code]) => code))
  const tests = filesBelow(join(root, 'test')).filter((path) => path.endsWith('.ts') && path !== import.meta.filename)
  const named = new Set(tests.flatMap((path) => readFileSync(path, 'utf8').match(CODE) ?? []))

  it('explains every code that a test names', () => {
    assert.deepEqual([...named].filter((code) => !explained.has(code)), [])
  })

  it('explains no code that no test names', () => {
    assert.deepEqual([...explained].filter((code) => !named.has(code ?? '')), [])
  })
})
