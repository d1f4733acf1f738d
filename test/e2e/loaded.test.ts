import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { DEPLOYMENTS, loadedBy } from '../../scripts/check-size.ts'
import { filesBelow } from '../../scripts/setup.js'
import { newFolder } from '../support/folder.ts'
import { end, run, serve } from '../support/process.ts'

const DIST = pathToFileURL(fileURLToPath(new URL('../../dist/', import.meta.url))).href
const src = fileURLToPath(new URL('../../src', import.meta.url))
const texts = new Map(filesBelow(src).map((path) => [relative(src, path).split(sep).join('/'), readFileSync(path, 'utf8')]))

/** The files of dist that a process loaded, as Node's own coverage tells, by path below src. */
function loadedIn(folder: string): readonly string[] {
  const urls = readdirSync(folder).flatMap((name) =>
    (JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: readonly { url: string }[] }).result.map(({ url }) => url))
  return urls.filter((url) => url.startsWith(DIST)).map((url) => url.slice(DIST.length).replace(/\.js$/, '.ts')).toSorted()
}

describe('what a server loads', () => {
  const folder = newFolder()
  const production = ['--issuer', 'https://a.example', '--host', '0.0.0.0', '--store', `file:${join(folder, 'ring.json')}`,
    '--kek-file', join(folder, 'kek'), '--audit', join(folder, 'audit.log'), '--admin', `unix:${join(folder, 'admin.sock')}`]
  const clients = ['--issuer', 'https://a.example', '--host', '0.0.0.0', '--store', `file:${join(folder, 'other.json')}`,
    '--unsealed', '--clients', join(folder, 'clients.json')]
  const cases: readonly (readonly [string, readonly string[]])[] =
    [['development', []], ['production', production], ['token service', clients]]
  for (const [kind, args] of cases) {
    it(`is what the size of the ${kind} deployment counts, and nothing else`, async () => {
      if (kind === 'token service') writeFileSync(join(folder, 'clients.json'), '{"clients":[]}', { mode: 0o600 })
      if (kind === 'production') assert.equal((await run(['kek', join(folder, 'kek')])).code, 0)
      const coverage = newFolder()
      await end(await serve(['--alg', 'ES256', ...args], { NODE_V8_COVERAGE: coverage }))
      const [, extras = []] = [...DEPLOYMENTS].find(([name]) => name.startsWith(kind)) ?? []
      // Files of types alone have nothing to load.
      const counted = loadedBy(extras, texts)
      const loaded = loadedIn(coverage)
      assert.deepEqual(loaded.filter((path) => !counted.includes(path)), [])
      assert.deepEqual(counted.filter((path) => !loaded.includes(path)), [])
    })
  }
})
