import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { appendFileSync, copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { newFolder } from '../support/folder.ts'
import { newKek } from '../support/kek.ts'
import { end, run, serve } from '../support/process.ts'

interface Place {
  readonly ring: string
  readonly log: string
  readonly args: readonly string[]
  readonly admin: readonly string[]
}

async function newPlace(): Promise<Place> {
  const folder = newFolder()
  const [ring, log] = [join(folder, 'ring.json'), join(folder, 'audit.log')]
  const admin = ['--admin', `unix:${join(folder, 'admin')}`]
  const store = ['--store', `file:${ring}`, '--kek-file', newKek(folder)]
  return { ring, log, admin, args: ['--alg', 'ES256', '--preset', 'fast', ...store, ...admin, '--audit', log] }
}

interface Line {
  readonly text: string
  readonly seq: number
}

function lastLine(path: string): Line {
  const text = readFileSync(path, 'utf8').trimEnd().split('\n').at(-1) ?? ''
  return { text, seq: (JSON.parse(text) as { seq: number }).seq }
}

/** How a new file can look when a process ends while it writes the first record, or when others keep files beside it. */
const LEFT: Readonly<Record<string, (log: string, last: Line) => void>> = {
  'the first record of the new file is cut off': (log, { seq }) =>
    writeFileSync(log, `{"seq":${seq + 1},"time":"20`, { mode: 0o600 }),
  'the last record of the old file is cut off': (log, { seq }) =>
    appendFileSync(`${log}.1`, `{"seq":${seq + 1},"time":"20`),
  'a checksum lies beside the old file': (log) => writeFileSync(`${log}.1.sha256`, 'e3b0c442  audit.log.1\n'),
}

describe('a log that was moved before a crash', () => {
  for (const [what, leave] of Object.entries(LEFT)) {
    it(`is continued if ${what}`, async () => {
      const { log, args } = await newPlace()
      await end(await serve(args), 'SIGKILL')
      const last = lastLine(log)
      renameSync(log, `${log}.1`)
      leave(log, last)
      await end(await serve(args))
      const { code, stderr } = await run(['audit', 'verify', log, '--before', `${log}.1`])
      assert.equal(code, 0, stderr)
    })
  }

  it('leaves a file alone that is no log', async () => {
    const { log, args } = await newPlace()
    await end(await serve(args), 'SIGKILL')
    renameSync(log, `${log}.1`)
    writeFileSync(log, 'a note', { mode: 0o600 })
    const { code, stderr } = await run(['--port', '0', ...args])
    assert.equal(code, 78)
    assert.match(stderr, /it is not an audit log/)
    assert.equal(readFileSync(log, 'utf8'), 'a note')
  })
})

describe('an older ring that was accepted', () => {
  it('is refused again if the server crashed between the record of that and the ring that follows', async () => {
    const { ring, log, admin, args } = await newPlace()
    const server = await serve(args)
    copyFileSync(ring, `${ring}.old`)
    assert.equal((await run(['rotate', ...admin, '--force', '--reason', 'drill'])).code, 0)
    await end(server)
    renameSync(`${ring}.old`, ring)
    const { text, seq } = lastLine(log)
    const prev = createHash('sha256').update(text).digest('base64url')
    const accepted = { event: 'rollback.accepted', generation: 1, known: 2, reason: 'the disk burnt' }
    appendFileSync(log, `${JSON.stringify({ seq: seq + 1, time: new Date().toISOString(), ...accepted, prev })}\n`)
    const { code, stderr } = await run(['--port', '0', ...args])
    assert.equal(code, 78, stderr)
    assert.match(stderr, /but ring \d+ was in force here/)
  })
})
