import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe, it } from 'node:test'
import { SERVER } from '../support/process.ts'

/** Runs a command of jwksd in a shell, with what follows it there. */
function inShell(command: string, rest: string): { readonly status: number | null; readonly stderr: string } {
  const line = `"${process.execPath}" "${SERVER}" ${command} ${rest}`
  return spawnSync('bash', ['-o', 'pipefail', '-c', line], { encoding: 'utf8' })
}

describe('the output of a command', () => {
  it('that cannot be written is one sentence and exit 74', { skip: !existsSync('/dev/full') }, () => {
    const { status, stderr } = inShell('check', '> /dev/full')
    assert.equal(status, 74)
    assert.equal(stderr, 'jwksd: Cannot write to standard output: the system says ENOSPC (write)\n')
  })

  it('may have a reader that has seen enough', () => {
    assert.deepEqual(inShell('--help', '| head -c 1 > /dev/null').stderr, '')
    // Nobody reads at all.
    const { status, stderr } = inShell('check', '| true')
    assert.deepEqual([status, stderr], [0, ''])
  })
})

describe('jwksd audit verify', () => {
  it('tells a file that is no log from a log that was altered', () => {
    const { status, stderr } = inShell('audit verify', JSON.stringify(SERVER))
    assert.equal(status, 1)
    assert.match(stderr, /the first line is no record, so this is not an audit log/)
  })
})
