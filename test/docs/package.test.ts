import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { root } from '../../scripts/setup.js'

describe('npm pack', () => {
  // Its scripts print on standard output too, ahead of the JSON.
  const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--json', '--silent'], { cwd: root, encoding: 'utf8' })
  const [{ files }] = JSON.parse(stdout.slice(stdout.indexOf('['))) as [{ files: readonly { path: string }[] }]
  const paths = files.map(({ path }) => path)

  it('packs the server, the issuer for tests, and the pages that the README links to', () => {
    const needed = ['dist/server.js', 'dist/testkit/testing.js', 'dist/testkit/testing.d.ts', 'docs/testing.md']
    assert.deepEqual(needed.filter((path) => !paths.includes(path)), [])
  })

  it('packs neither maps, whose sources it leaves out, nor installed packages', () => {
    assert.deepEqual(paths.filter((path) => path.endsWith('.map') || path.includes('node_modules')), [])
  })
})
