import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { layerFaults } from '../../scripts/check-layers.ts'
import { loadedBy, sizeFaults, sizeOf } from '../../scripts/check-size.ts'
import { wordFaults } from '../../scripts/check-words.ts'

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
    assert.deepEqual(size, { path: 'a.ts', lines: 13, code: 10, functions: [{ name: 'f', lines: 7 }, { name: 'g', lines: 3 }] })
  })

  it('finds a long function, a long file and too much in all', () => {
    assert.match(sizeFaults([sizeOf('a.ts', `function f() {\n${body(39)}}\n`)], new Map()).join(), /f has 41 lines/)
    assert.deepEqual(sizeFaults([sizeOf('a.ts', `function f() {\n${body(38)}}\n`)], new Map()), [])
    assert.match(sizeFaults([sizeOf('a.ts', body(201))], new Map()).join(), /a.ts has 201 lines/)
    assert.match(sizeFaults([], new Map([['all of it', 9000]])).join(), /all of it loads 9000 lines/)
  })

  it('counts for a deployment what its files import, but neither types nor what is loaded later', () => {
    const files = new Map([
      ['server.ts', "import '../root/cli/serve.ts'\n"],
      ['cli/serve.ts', "import { a } from '../a.ts'\nimport type { T } from '../t.ts'\nawait import('../later.ts')\n"],
      ['a.ts', "import {\n  b,\n} from './b.ts'\n"],
    ])
    assert.deepEqual(loadedBy(['x.ts'], files), ['a.ts', 'b.ts', 'cli/serve.ts', 'server.ts', 'x.ts'])
  })
})

describe('the check of words', () => {
  it('finds hosts of registries and paths of one machine', () => {
    assert.deepEqual(wordFaults('a', `x\nhttps://registry.${'npmjs'}.org\ncd ${'/'}home/me`), ['a:2', 'a:3'])
    assert.deepEqual(wordFaults('a', 'docs/work/x and src/home/y'), [])
  })
})
