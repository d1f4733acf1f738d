import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { layerFaults } from '../../scripts/check-layers.ts'
import { sizeFaults, sizeOf } from '../../scripts/check-size.ts'
import { wordFaults } from '../../scripts/check-words.ts'
import { priceTable, withTypes } from '../../scripts/price-list.ts'
import { filesBelow, root } from '../../scripts/setup.js'

describe('the check of layers', () => {
  const faults = (files: Record<string, string>): readonly string[] => layerFaults(new Map(Object.entries(files)))

  it('passes a tree that keeps the order', () => {
    const files = {
      'core/a.ts': "import { x } from 'node:buffer'\nexport const a = new Date(1) // Date is only named here\n",
      'jose/b.ts': "import { a } from '../core/a.ts'\n/* process.env */ subtle\n",
      'serve/b.ts': '',
      'server.ts': "import type { b } from './serve/b.ts'\nprocess.exit()\n",
      'testkit/probe/c.ts': "import '../a.ts'\n",
      'testkit/a.ts': '',
      'cli/c.ts': "import '../testkit/probe/c.ts'\nawait import('../jose/b.ts')\n",
    }
    assert.deepEqual(faults(files), [])
  })

  const breaches: readonly (readonly [string, Record<string, string>, RegExp])[] = [
    ['an import upwards', { 'core/a.ts': "import { b } from '../jose/b.ts'\n", 'jose/b.ts': '' }, /core may not import jose/],
    ['a type import upwards', { 'core/a.ts': "import type { b } from '../jose/b.ts'\n", 'jose/b.ts': '' }, /core may not import jose/],
    ['an import over lines', { 'core/a.ts': "import {\n  b,\n} from '../jose/b.ts'\n", 'jose/b.ts': '' }, /core may not import jose/],
    ['a dynamic import upwards', { 'core/a.ts': "await import('../jose/b.ts')\n", 'jose/b.ts': '' }, /core may not import jose/],
    ['a re-export upwards', { 'core/a.ts': "export { b } from '../jose/b.ts'\n", 'jose/b.ts': '' }, /core may not import jose/],
    ['an import of the entry', { 'core/a.ts': "import { b } from '../server.ts'\n", 'server.ts': '' }, /core may not import server.ts/],
    ['an import of a file in no room', { 'core/a.ts': "import { b } from '../app.ts'\n", 'app.ts': '' }, /core may not import app.ts/],
    ['a file in no room', { 'app.ts': "import { a } from './core/a.ts'\n", 'core/a.ts': '' }, /app.ts may not import core/],
    ['an import into an inner room', { 'testkit/a.ts': "import { b } from './probe/b.ts'\n", 'testkit/probe/b.ts': '' }, /testkit may not import testkit\/probe/],
    ['an import of a command by a server', { 'serve/a.ts': "import { b } from '../cli/b.ts'\n", 'cli/b.ts': '' }, /serve may not import cli/],
    ['a package', { 'app.ts': "import jose from 'jose'\n" }, /neither relative nor node:/],
    ['a file without .ts', { 'core/a.ts': "import { b } from './b'\n", 'core/b.ts': '' }, /not a file of src/],
    ['a cycle', { 'core/a.ts': "import { b } from './b.ts'\n", 'core/b.ts': "import { a } from './a.ts'\n" }, /cycle: core\/a.ts > core\/b.ts > core\/a.ts/],
    ['the clock outside system', { 'core/a.ts': 'Date.now()\n' }, /the clock belongs elsewhere/],
    ['the clock by a constructor', { 'core/a.ts': 'new Date()\nnew Date(1)\n' }, /the clock belongs elsewhere/],
    ['the clock without brackets', { 'core/a.ts': 'new Date\n' }, /the clock belongs elsewhere/],
    ['chance that can be guessed', { 'system/a.ts': 'Math.random()\n' }, /Math.random belongs elsewhere/],
    ['the process', { 'keyring/a.ts': 'process.env\n' }, /process belongs elsewhere/],
    ['a timer', { 'keyring/a.ts': 'setTimeout(f)\n' }, /timers belongs elsewhere/],
    ['WebCrypto outside jose', { 'keyring/a.ts': 'crypto.subtle.sign()\n' }, /crypto.subtle belongs elsewhere/],
    ['a socket', { 'routes/a.ts': "import net from 'node:net'\n" }, /sockets belongs elsewhere/],
    ['a file', { 'routes/a.ts': "import fs from 'node:fs'\n" }, /files belongs elsewhere/],
    ['a file that the one opener does not open', { 'cli/a.ts': "import { lstatSync, readFileSync } from 'node:fs'\n" }, /opening files belongs elsewhere/],
    ['a stream over a file', { 'stores/a.ts': "import {\n  createReadStream,\n} from 'node:fs'\n" }, /opening files belongs elsewhere/],
    ['a file opened by a promise', { 'stores/a.ts': "import { open } from 'node:fs/promises'\n" }, /opening files belongs elsewhere/],
    ['a file opened by a later import', { 'stores/a.ts': "(await import('node:fs')).readFileSync('x')\n" }, /opening files belongs elsewhere/],
    ['a child process', { 'app.ts': "import { spawn } from 'node:child_process'\n" }, /child processes belongs elsewhere/],
    ['a default export', { 'app.ts': 'export default 1\n' }, /export default belongs elsewhere/],
  ]
  for (const [what, files, expected] of breaches) {
    it(`finds ${what}`, () => assert.match(faults(files).join('\n'), expected))
  }
})

describe('the check of size', () => {
  const body = (lines: number): string => '  x()\n'.repeat(lines)

  it('counts code without blank lines and comments, and the lines of each function', () => {
    const size = sizeOf('a.ts', `/** One. */\n\n// two\nfunction f(\n  a: string,\n): void {\n${body(3)}}\nconst g = () => {\n  y()\n}\n`)
    assert.deepEqual(size, { path: 'a.ts', lines: 13, code: 10, wide: [], functions: [{ name: 'f', lines: 7 }, { name: 'g', lines: 3 }] })
  })

  it('finds long functions, long files and wide lines', () => {
    const faults = (...texts: readonly string[]): string => sizeFaults(texts.map((text) => sizeOf('a.ts', text))).join('; ')
    const small = 'function f() {\n  x()\n}\n'.repeat(20)
    assert.equal(faults(small), '')
    assert.match(faults(small, `function f() {\n${body(39)}}\n`), /f has 41 lines/)
    assert.equal(faults(small, `function f() {\n${body(38)}}\n`), '')
    assert.match(faults(small, body(201)), /a.ts has 201 lines/)
    assert.match(faults(small, `\n${'x'.repeat(121)}\n${'x'.repeat(120)}\n`), /^a.ts:2 is wider than 120 columns$/)
    assert.match(faults(`function f() {\n${body(5)}}\n`.repeat(3)), /half of the functions have more than 6 lines/)
    assert.match(faults(small, `function f() {\n${body(19)}}\n`.repeat(4)), /a tenth of the functions has more than 20 lines/)
  })
})

describe('the price list', () => {
  it('counts whole files that types come from, those of types too, and nothing that is imported for its values', () => {
    const texts: Readonly<Record<string, string>> = {
      'a.ts': "import { b } from './b.ts'\nimport type { C } from './c.ts'\nawait import('./later.ts')\n",
      'c.ts': "import { x } from './x.ts'\nimport { type D, y } from './d.ts'\nexport type { E } from './e.ts'\n",
    }
    assert.deepEqual([...withTypes(['a.ts'], (path) => texts[path] ?? '')].toSorted(), ['a.ts', 'c.ts', 'd.ts', 'e.ts'])
  })

  it('shows a price on top of another as a sum to add', () => {
    const part = { args: () => [], asks: [], bar: 3120 }
    const table = priceTable([{ part: { ...part, name: 'core' }, lines: 3000 }, { part: { ...part, name: 'x', over: 'core', bar: 60 }, lines: 45 }])
    assert.deepEqual(table.split('\n').slice(2), ['| core | 3,000 | 3,120 |', '| x | +45 | +60 |'])
  })
})

describe('the check of words', () => {
  it('finds hosts of registries and paths of one machine', () => {
    assert.deepEqual(wordFaults('a', `x\nhttps://registry.${'npmjs'}.org\ncd ${'/'}home/me`), ['a:2', 'a:3'])
    assert.deepEqual(wordFaults('a', 'docs/work/x and src/home/y'), [])
  })
})

describe('what tsc does not check', () => {
  const scripts = ['scripts', 'test'].flatMap((folder) => filesBelow(join(root, folder)))
    .filter((path) => path.endsWith('.js') && !path.includes('node_modules'))

  it('imports by name only what its file exports', () => {
    assert.ok(scripts.length > 20)
    const faults = scripts.flatMap((path) => {
      const imports = readFileSync(path, 'utf8').matchAll(/^import \{([^}]+)\} from '(\.[^']+)'/gm)
      return [...imports].flatMap(([, names = '', from = '']) => {
        const target = join(path, '..', from)
        const text = existsSync(target) ? readFileSync(target, 'utf8') : ''
        const isMissing = (name: string): boolean =>
          !new RegExp(`^export (?:async )?(?:function\\*?|const|let|class) ${name}\\b`, 'm').test(text)
        return names.split(',').map((name) => name.trim().split(' as ')[0] ?? '')
          .filter((name) => name !== '' && isMissing(name)).map((name) => `${path}: ${name} of ${from}`)
      })
    })
    assert.deepEqual(faults, [])
  })
})
