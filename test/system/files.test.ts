import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync, chownSync, lchownSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { errnoOf } from '../../src/core/errno.ts'
import type { Event } from '../../src/core/event.ts'
import { makeFile } from '../../src/system/make-file.ts'
import type { ReadRules } from '../../src/system/file-rules.ts'
import { readPrivate } from '../../src/system/private-file.ts'
import { systemRandom } from '../../src/system/random.ts'
import { replaceFile, sweepTemporaries } from '../../src/system/replace-file.ts'
import { newFolder } from '../support/folder.ts'

const RULES: ReadRules = { othersMay: 'nothing', allowShared: false, followsLinks: false, maxBytes: 16 }
const isRoot = process.getuid?.() === 0
const MODULE = new URL('../../src/system/private-file.ts', import.meta.url).href
const canMount = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0
const unlessMounts = canMount ? false : 'this user may not mount'

async function asUser(user: number, task: () => Promise<void>): Promise<void> {
  process.seteuid?.(user)
  try {
    await task()
  } finally {
    process.seteuid?.(0)
  }
}

function newFile(content = 'text', mode = 0o600): string {
  const path = join(newFolder(), 'file')
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}

async function problemOf(path: string, rules: Partial<ReadRules> = {}): Promise<string | undefined> {
  const read = await readPrivate(path, { ...RULES, ...rules })
  return read.ok ? undefined : `${read.error.code}: ${read.error.problem}`
}

describe('readPrivate()', () => {
  it('reads a file that its owner alone can reach', async () => {
    const read = await readPrivate(newFile(), RULES)
    assert.equal(read.ok && read.value.toString(), 'text')
  })

  it('E23 refuses a file that group or others can reach, unless shared files are allowed', async () => {
    for (const mode of [0o660, 0o620, 0o604, 0o601, 0o644, 0o666]) {
      const path = newFile('text', mode)
      assert.match(await problemOf(path) ?? '', /^unreadable: group or others can reach it\. Run chmod 600/)
      assert.equal(await problemOf(path, { allowShared: true }), undefined)
    }
  })

  it('takes a file that a group of ours can read, as Kubernetes makes it, and no other group', async () => {
    const path = newFile('text', 0o440)
    assert.equal(await problemOf(path), undefined)
    if (!isRoot) return
    chownSync(path, 0, 65_533)
    assert.match(await problemOf(path) ?? '', /group or others can reach it/)
  })

  it('takes what systemd puts into its folder of credentials', { skip: !isRoot }, async () => {
    const path = newFile('text', 0o440)
    chownSync(path, 0, 65_533)
    process.env['CREDENTIALS_DIRECTORY'] = join(path, '..')
    try {
      assert.equal(await problemOf(path), undefined)
      chmodSync(path, 0o444)
      assert.match(await problemOf(path) ?? '', /group or others can reach it/)
    } finally {
      delete process.env['CREDENTIALS_DIRECTORY']
    }
  })

  it('closes a file of ours that a group of ours could write, and tells', async () => {
    const events: Event[] = []
    const rules = { restores: (event: Event) => void events.push(event) }
    for (const mode of [0o660, 0o670]) {
      const path = newFile('text', mode)
      assert.equal(await problemOf(path, rules), undefined)
      assert.equal(statSync(path).mode & 0o777, 0o600)
    }
    assert.deepEqual(events.map((event) => 'mode' in event && event.mode), ['0660', '0670'])
    const open = newFile('text', 0o666)
    assert.match(await problemOf(open, rules) ?? '', /group or others can reach it/)
    assert.equal(statSync(open).mode & 0o777, 0o666)
  })

  it('lets others read, but not write, where only writing is dangerous', async () => {
    assert.equal(await problemOf(newFile('text', 0o644), { othersMay: 'read' }), undefined)
    for (const mode of [0o620, 0o602]) {
      assert.match(await problemOf(newFile('text', mode), { othersMay: 'read' }) ?? '', /others can write it/)
    }
  })

  it('E19 refuses a file of another user, unless the owner is root', { skip: !isRoot }, async () => {
    const path = newFile('text', 0o644)
    chownSync(path, 65_533, 65_533)
    chmodSync(join(path, '..'), 0o755)
    const foreign = /user 65533 owns it\. Give it to user/
    assert.match(await problemOf(path, { othersMay: 'read' }) ?? '', foreign)
    assert.equal(await problemOf(path, { othersMay: 'read', isManaged: true }), undefined)
    await asUser(65_534, async () => {
      for (const isManaged of [true, false]) {
        assert.match(await problemOf(path, { othersMay: 'read', isManaged }) ?? '', foreign)
      }
      assert.equal(await problemOf(path, { othersMay: 'read', allowShared: true }), undefined)
    })
    // Root runs commands on the files of a server, in the folder of that server.
    chownSync(join(path, '..'), 65_533, 65_533)
    assert.equal(await problemOf(path, { othersMay: 'read' }), undefined)
  })

  it('E19 refuses a folder, and a pipe that nobody writes, at once', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, 'folder'))
    execFileSync('mkfifo', ['-m', '600', join(folder, 'pipe')])
    for (const name of ['folder', 'pipe']) {
      assert.match(await problemOf(join(folder, name), { allowShared: true }) ?? '', /not a regular file/)
    }
  })

  it('E19 refuses a file in a folder that others can write, unless it is sticky', async () => {
    const path = newFile()
    for (const mode of [0o777, 0o757]) {
      chmodSync(join(path, '..'), mode)
      assert.match(await problemOf(path) ?? '', /^unreadable: others can write the folder .*\. Use another folder/)
      assert.match(await problemOf(`${path}-missing`) ?? '', /others can write the folder/)
      assert.equal(await problemOf(path, { allowShared: true }), undefined)
    }
    chmodSync(join(path, '..'), 0o1777)
    assert.equal(await problemOf(path), undefined)
    // Where we make files, a stranger could make them first.
    assert.match(await problemOf(path, { makes: true }) ?? '', /others can write the folder/)
    chmodSync(join(path, '..'), 0o2775)
    assert.equal(await problemOf(path, { makes: true }), undefined, 'the folder of a volume, with fsGroup')
    if (!isRoot) return
    chownSync(join(path, '..'), 0, 65_533)
    assert.match(await problemOf(path) ?? '', /others can write the folder/)
  })

  it('follows a symbolic link only where that is allowed', async () => {
    const path = newFile()
    symlinkSync(path, `${path}-link`)
    assert.match(await problemOf(`${path}-link`) ?? '', /the system says ELOOP \(open\)/)
    assert.equal(await problemOf(`${path}-link`, { followsLinks: true }), undefined)
    symlinkSync(`${path}-round`, `${path}-round`)
    assert.match(await problemOf(`${path}-round`, { followsLinks: true }) ?? '', /ELOOP/)
  })

  it('follows the links of a ConfigMap, and of certbot', async () => {
    const volume = newFolder()
    mkdirSync(join(volume, '..2026_01_01'))
    writeFileSync(join(volume, '..2026_01_01', 'file'), 'text', { mode: 0o644 })
    symlinkSync('..2026_01_01', join(volume, '..data'))
    symlinkSync('..data/file', join(volume, 'file'))
    const rules = { followsLinks: true, othersMay: 'read' } as const
    assert.equal(await problemOf(join(volume, 'file'), rules), undefined)
    mkdirSync(join(volume, 'live'))
    symlinkSync('../..data/../..2026_01_01/file', join(volume, 'live', 'file'))
    assert.equal(await problemOf(join(volume, 'live', 'file'), rules), undefined)
  })

  it('E19 follows no link that another user owns, or could lead elsewhere', { skip: !isRoot }, async () => {
    const path = newFile()
    const rules = { followsLinks: true }
    const linkIn = (folder: string): string => {
      symlinkSync(path, join(folder, 'link'))
      return join(folder, 'link')
    }
    const planted = linkIn(newFolder())
    lchownSync(planted, 65_533, 65_533)
    assert.match(await problemOf(planted, rules) ?? '', /user 65533 owns .*link, which a link on the way passes/)
    const foreign = newFolder()
    chownSync(foreign, 65_533, 65_533)
    assert.match(await problemOf(linkIn(foreign), rules) ?? '', /user 65533 owns .*, which a link on the way passes/)
    const open = newFolder()
    chmodSync(open, 0o777)
    assert.match(await problemOf(linkIn(open), rules) ?? '', /others can write the folder/)
    // A folder on the way counts too, and a link in place of a folder.
    const inside = join(foreign, 'inside')
    mkdirSync(inside)
    assert.match(await problemOf(linkIn(inside), rules) ?? '', /user 65533 owns/)
    symlinkSync(join(path, '..'), join(open, 'folder'))
    for (const followsLinks of [true, false]) {
      const where = join(open, 'folder', 'file')
      assert.match(await problemOf(where, { followsLinks }) ?? '', /others can write the folder/)
    }
  })

  it('follows a link in a folder that is mounted to be read, as a ConfigMap is', { skip: unlessMounts }, () => {
    const volume = newFolder()
    mkdirSync(join(volume, '..2026_01_01'))
    writeFileSync(join(volume, '..2026_01_01', 'file'), 'text', { mode: 0o600 })
    const path = join(volume, 'file')
    symlinkSync('..2026_01_01/file', path)
    chmodSync(volume, 0o777)
    const program = `import { readPrivate } from '${MODULE}'
      const rules = { othersMay: 'nothing', allowShared: false, followsLinks: true, maxBytes: 16 }
      const read = await readPrivate('${path}', rules)
      process.stdout.write(read.ok ? 'read' : read.error.problem)`
    const shell = `mount --bind $0 $0 && mount -o remount,bind,ro $0 && exec "$@"`
    const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', program]
    const { stdout } = spawnSync('unshare', ['-m', 'sh', '-c', shell, join(path, '..'), ...node], { encoding: 'utf8' })
    assert.equal(stdout, 'read')
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

describe('makeFile()', () => {
  it('makes a file that its owner alone can reach, never over one that exists', async () => {
    const path = join(newFolder(), 'file')
    await makeFile(path, 'text')
    assert.deepEqual([readFileSync(path, 'utf8'), statSync(path).mode & 0o777], ['text', 0o600])
    await assert.rejects(makeFile(path, 'other'), { code: 'EEXIST' })
    symlinkSync(`${path}-target`, `${path}-link`)
    await assert.rejects(makeFile(`${path}-link`, 'other'), { code: 'EEXIST' })
    assert.equal(readFileSync(path, 'utf8'), 'text')
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
