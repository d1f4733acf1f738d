import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { errnoOf } from '../../src/core/errno.ts'
import { type FileRules, readPrivate } from '../../src/system/private-file.ts'
import { systemRandom } from '../../src/system/random.ts'
import { replaceFile, sweepTemporaries } from '../../src/system/replace-file.ts'
import { newFolder } from '../support/folder.ts'

const RULES: FileRules = { othersMay: 'nothing', allowShared: false, followsLinks: false, maxBytes: 16 }
const isRoot = process.getuid?.() === 0

function newFile(content = 'text', mode = 0o600): string {
  const path = join(newFolder(), 'file')
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}

async function problemOf(path: string, rules: Partial<FileRules> = {}): Promise<string | undefined> {
  const read = await readPrivate(path, { ...RULES, ...rules })
  return read.ok ? undefined : `${read.error.code}: ${read.error.problem}`
}

describe('readPrivate()', () => {
  it('reads a file that its owner alone can reach', async () => {
    const read = await readPrivate(newFile(), RULES)
    assert.equal(read.ok && read.value.toString(), 'text')
  })

  it('refuses a file that group or others can reach, unless shared files are allowed', async () => {
    for (const mode of [0o640, 0o620, 0o604, 0o601]) {
      const path = newFile('text', mode)
      assert.match(await problemOf(path) ?? '', /^unreadable: group or others can reach it\. Run chmod 600/)
      assert.equal(await problemOf(path, { allowShared: true }), undefined)
    }
  })

  it('lets others read, but not write, where only writing is dangerous', async () => {
    assert.equal(await problemOf(newFile('text', 0o644), { othersMay: 'read' }), undefined)
    for (const mode of [0o620, 0o602]) {
      assert.match(await problemOf(newFile('text', mode), { othersMay: 'read' }) ?? '', /others can write it/)
    }
  })

  it('refuses a file of another user, unless this user or the owner is root', { skip: !isRoot }, async () => {
    const path = newFile('text', 0o644)
    chownSync(path, 65_533, 65_533)
    chmodSync(join(path, '..'), 0o755)
    assert.equal(await problemOf(path, { othersMay: 'read' }), undefined)
    process.seteuid?.(65_534)
    try {
      assert.match(await problemOf(path, { othersMay: 'read' }) ?? '', /user 65533 owns it\. Give it to user 65534/)
      assert.equal(await problemOf(path, { othersMay: 'read', allowShared: true }), undefined)
    } finally {
      process.seteuid?.(0)
    }
  })

  it('refuses a folder, and a pipe that nobody writes, at once', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, 'folder'))
    execFileSync('mkfifo', ['-m', '600', join(folder, 'pipe')])
    for (const name of ['folder', 'pipe']) {
      assert.match(await problemOf(join(folder, name), { allowShared: true }) ?? '', /not a regular file/)
    }
  })

  it('follows a symbolic link only where that is allowed', async () => {
    const path = newFile()
    symlinkSync(path, `${path}-link`)
    assert.match(await problemOf(`${path}-link`) ?? '', /the system says ELOOP \(open\)/)
    assert.equal(await problemOf(`${path}-link`, { followsLinks: true }), undefined)
  })

  it('refuses a file over the limit, and hands over what the system reports', async () => {
    assert.equal(await problemOf(newFile('x'.repeat(17))), 'damaged: it is larger than 16 bytes')
    const missing = await readPrivate(join(newFolder(), 'missing'), RULES)
    assert.equal(missing.ok ? '' : errnoOf(missing.error.cause).code, 'ENOENT')
  })
})

describe('replaceFile()', () => {
  const replace = (path: string, more: object = {}): Promise<boolean> =>
    replaceFile({ path, content: 'new', randomBytes: systemRandom, ...more })

  it('makes a new file that its owner alone can reach, and leaves no other behind', async () => {
    const path = join(newFolder(), 'file')
    assert.equal(await replace(path), true)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.deepEqual(readdirSync(join(path, '..')), ['file'])
  })

  it('keeps the mode of the old file, and its owner', async () => {
    const path = newFile('old', 0o640)
    if (isRoot) chownSync(path, 65_533, 65_534)
    const before = statSync(path)
    await replace(path)
    const { uid, gid, mode } = statSync(path)
    assert.deepEqual([readFileSync(path, 'utf8'), uid, gid, mode], ['new', before.uid, before.gid, before.mode])
  })

  it('leaves the old file when it is told so, and when it fails', async () => {
    const path = newFile('old')
    assert.equal(await replace(path, { mayReplace: async () => false }), false)
    await assert.rejects(replace(path, { mayReplace: () => Promise.reject(new Error('no')) }), /no/)
    assert.equal(readFileSync(path, 'utf8'), 'old')
    assert.deepEqual(readdirSync(join(path, '..')), ['file'])
  })

  it('writes through no link that somebody has put where its temporary file belongs', async () => {
    const path = newFile('old')
    const target = newFile('target')
    symlinkSync(target, `${path}.0000000000000000.tmp`)
    await assert.rejects(replace(path, { randomBytes: (length: number) => new Uint8Array(length) }), { code: 'EEXIST' })
    assert.deepEqual([readFileSync(path, 'utf8'), readFileSync(target, 'utf8')], ['old', 'target'])
  })
})

describe('sweepTemporaries()', () => {
  it('removes the temporary files of this path, and of no other', async () => {
    const folder = newFolder()
    const others = ['a.json', 'a.json.mine.tmp', 'a.json.b.0123456789abcdef.tmp', 'b.json.0123456789abcdef.tmp']
    for (const name of [...others, 'a.json.0123456789abcdef.tmp']) writeFileSync(join(folder, name), '')
    await sweepTemporaries(join(folder, 'a.json'))
    assert.deepEqual(readdirSync(folder).toSorted(), others.toSorted())
  })
})
