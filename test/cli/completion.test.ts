import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { COMMANDS } from '../../src/cli/commands.ts'
import { manPage } from '../../scripts/man.ts'
import { newFolder } from '../support/folder.ts'
import { SERVER } from '../support/process.ts'

const isMissing = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0

/** How each shell loads a file and prints what it would offer behind some words. */
const SHELLS: Readonly<Record<string, (file: string, words: readonly string[]) => readonly string[]>> = {
  bash: (file, words) =>
    ['-c', `source ${file}; COMP_WORDS=(jwksd ${words.map(quoted).join(' ')}); COMP_CWORD=${words.length}
      _jwksd; printf '%s\\n' "\${COMPREPLY[@]}"`],
  zsh: (file, words) =>
    ['-f', '-c', `compdef() { : }; _files() { : }; compadd() { shift; print -rl -- "$@" }; source ${file}
      words=(jwksd ${words.map(quoted).join(' ')}); CURRENT=${words.length + 1}; _jwksd`],
  fish: (file, words) => ['-c', `source ${file}; complete -C "jwksd ${words.join(' ')}"`],
}

function quoted(word: string): string {
  return `'${word}'`
}

for (const [shell, lineFor] of Object.entries(SHELLS)) {
  describe(`completion in ${shell}`, { skip: isMissing(shell) ? `needs ${shell}` : false }, () => {
    const file = join(newFolder(), `completion.${shell}`)
    writeFileSync(file, spawnSync(process.execPath, [SERVER, 'completion', shell]).stdout)
    const offered = (...words: readonly string[]): readonly string[] => {
      const { status, stdout, stderr } = spawnSync(shell, lineFor(file, words), { encoding: 'utf8' })
      assert.equal(stderr, '')
      assert.equal(status, 0)
      return stdout.split('\n').map((line) => line.split('\t')[0] ?? '').filter((word) => word !== '')
    }

    it('offers every command', () => {
      const names = offered('')
      for (const name of [...COMMANDS.keys(), 'help', 'version']) assert.ok(names.includes(name), name)
    })

    it('offers what follows a command', () => {
      assert.deepEqual(offered('token', '').toSorted(), ['decode', 'mint', 'verify'])
      for (const name of COMMANDS.keys()) assert.ok(offered('help', '').includes(name), name)
    })

    it('offers the options of a command and of the server, and not of another', () => {
      const options = offered('token', 'mint', '--')
      for (const name of ['--secret-file', '--url', '--allow-http']) assert.ok(options.includes(name), name)
      assert.ok(!options.includes('--head'))
      assert.ok(offered('--').includes('--rotation-interval'))
    })
  })
}

describe('The man page', () => {
  it('names every command', () => {
    for (const name of COMMANDS.keys()) assert.match(manPage(), new RegExp(`^\\.B ${name}`, 'm'))
  })

  it('has no fault that mandoc knows', { skip: isMissing('mandoc') ? 'needs mandoc' : false }, () => {
    assert.equal(spawnSync('mandoc', ['-T', 'lint'], { input: manPage(), encoding: 'utf8' }).stdout, '')
  })
})
