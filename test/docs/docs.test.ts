import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { startApi } from '../support/verifiers.ts'
import { type Block, blocksOf, type Page, patternOf, readPages, type Statement, statementsOf } from './pages.ts'
import { openReader, type Reader } from './reader.ts'
import { freePort } from '../support/free-port.js'

/** The blocks that cannot run here, by their first line, and why. */
const EXCEPTIONS: ReadonlyMap<string, string> = new Map([
  ['cd docs/examples && npm install', 'installs jose from a registry'],
  ['curl http://127.0.0.1:8080/token -d client_id=deploy -d assertion=$CI_TOKEN \\', 'needs a CI system'],
  ['npm test', 'runs this test'],
  ['npm test -- test/keyring/advance.test.ts', 'makes all checks of npm test'],
  ['node scripts/release.js', 'publishes the package'],
])

const MISSING = ['bash', 'curl', 'openssl'].filter((program) => spawnSync(program, ['--version']).error !== undefined)
const skip = MISSING.length === 0 ? false : `needs ${MISSING.join(', ')}`

describe('The documentation', { concurrency: 2, skip }, () => {
  const used = new Set<string>()
  for (const page of readPages()) {
    const blocks = blocksOf(page).filter(({ language }) => ['sh', 'console', 'js'].includes(language))
    const run = blocks.filter(({ lines: [first = ''] }) => !EXCEPTIONS.has(first))
    for (const { lines: [first = ''] } of blocks) if (EXCEPTIONS.has(first)) used.add(first)
    if (!run.some(({ language }) => language !== 'js')) continue
    it(`runs as printed in ${page.path}`, () => readThrough(page, run))
  }

  it('has few exceptions, and none that nothing needs', () => {
    assert.ok(EXCEPTIONS.size <= 15)
    assert.deepEqual([...EXCEPTIONS.keys()].filter((first) => !used.has(first)), [])
  })
})

/** Who types, how a text reads with the ports of this run, and where it stands. */
interface Session {
  readonly reader: Reader
  readonly here: (shown: string) => string
  readonly where: string
}

/** Types every command of a page in order, and compares what it prints. */
async function readThrough({ path, text }: Page, blocks: readonly Block[]): Promise<void> {
  const port = await freePort()
  const api = text.includes('127.0.0.1:3000')
    ? await startApi(() => `http://127.0.0.1:${port}`, ['takes an audience by its beginning']) : undefined
  const here = (shown: string): string =>
    shown.replaceAll(':8080', `:${port}`).replaceAll('http://127.0.0.1:3000/', api?.url ?? '')
  const reader = openReader(port)
  try {
    for (const block of blocks) {
      const session = { reader, here, where: `${path}:${block.line}` }
      if (block.language === 'js') writeFile(reader, block)
      else for (const statement of statementsOf(block)) await carryOut(statement, session)
    }
  } finally {
    await reader.leave()
    api?.close()
  }
}

/** A block of JavaScript that begins with the name of a file is that file. */
function writeFile(reader: Reader, { lines }: Block): void {
  const [, name] = /^\/\/ (\S+\.js)$/.exec(lines[0] ?? '') ?? []
  if (name !== undefined) reader.write(name, lines.join('\n'))
}

/** Types a command, and compares what it prints with what the page shows. */
async function carryOut({ command, output }: Statement, { reader, here, where }: Session): Promise<void> {
  const got = await reader.type(here(command))
  const told = `${where}: ${command}\nprinted:\n${got.output}\ninstead of:\n${output?.map(here).join('\n')}`
  // A server goes on; what it logs is no part of a page.
  if (got.status === undefined) return
  if (output === undefined) assert.equal(got.status, 0, told)
  else assert.match(got.output === '' ? '' : `${narrow(got.output).trimEnd()}\n`, patternOf(output.map(here).map(narrow)), told)
  const [, secret] = /^client_secret: (\S+)$/m.exec(got.output) ?? []
  if (secret !== undefined) await reader.type(`SECRET=${secret}`)
}

/** Columns of a table are as wide as what happens to stand in them. */
function narrow(text: string): string {
  return text.replaceAll(/ {2,}/g, '  ')
}
