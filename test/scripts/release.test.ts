import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { before, describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { billOf, sha256 } from '../../scripts/release.js'
import { root } from '../../scripts/setup.js'
import { entriesOf, firstDifference } from '../../scripts/tar.js'
import { newFolder } from '../support/folder.ts'

/** Another Node.js to build with; `.ci/run` names one. */
const OTHER = process.env['OTHER_NODE']
const listed = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
const skip = listed.status === 0 ? false : 'needs git and a clone'

/** Where a build runs. */
interface Place {
  readonly node: string
  readonly umask: string
  readonly zone: string
}

/** A copy of this folder, as git makes it under a umask, with the packages of this one. */
function cloneUnder(umask: string): string {
  const clone = newFolder()
  for (const name of listed.stdout.split('\n').filter((name) => name !== '' && existsSync(join(root, name)))) {
    mkdirSync(join(clone, dirname(name)), { recursive: true })
    copyFileSync(join(root, name), join(clone, name))
    chmodSync(join(clone, name), 0o666 & ~Number.parseInt(umask, 8))
  }
  mkdirSync(join(clone, 'node_modules'))
  for (const name of ['typescript', '@typescript', '@types', 'undici-types']) {
    symlinkSync(join(root, 'node_modules', name), join(clone, 'node_modules', name))
  }
  // Newer than the lock file: they count as installed.
  writeFileSync(join(clone, 'node_modules', '.package-lock.json'), '')
  return clone
}

/** The tar stream that `npm pack` of a clone makes in a place. */
function packedIn({ node, umask, zone }: Place): Buffer {
  const [clone, target, bin] = [cloneUnder(umask), newFolder(), newFolder()]
  symlinkSync(node, join(bin, 'node'))
  const env = { ...process.env, TZ: zone, PATH: `${bin}:${process.env['PATH']}` }
  const command = `umask ${umask} && npm pack --silent --pack-destination ${target}`
  const { status, stderr } = spawnSync('sh', ['-c', command], { cwd: clone, env, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return gunzipSync(readFileSync(join(target, readdirSync(target)[0] ?? '')))
}

describe('the tarball of a release', { skip }, () => {
  let stream: Buffer = Buffer.alloc(0)
  before(() => {
    stream = packedIn({ node: process.execPath, umask: '022', zone: 'UTC' })
  })

  it('has one tar stream, whatever umask and time zone are', () => {
    const other = packedIn({ node: process.execPath, umask: '077', zone: 'Asia/Kathmandu' })
    assert.equal(firstDifference(stream, other), undefined)
  })

  it('has one tar stream, whichever Node.js builds it', { skip: OTHER === undefined ? 'OTHER_NODE names no other Node.js' : false }, () => {
    const node = OTHER ?? ''
    const [ours, theirs] = [process.execPath, node].map((path) => spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout)
    assert.notEqual(ours, theirs)
    assert.equal(firstDifference(stream, packedIn({ node, umask: '027', zone: 'America/St_Johns' })), undefined)
  })

  it('holds the program with its mode, and no trace of the build', () => {
    const entries = entriesOf(stream)
    const modeOf = (name: string): string | undefined => entries.find((entry) => entry.name === `package/${name}`)?.mode.trim()
    assert.deepEqual([modeOf('dist/server.js'), modeOf('dist/serve/serve.js'), modeOf('README.md')], ['000755', '000644', '000644'])
    assert.equal(modeOf('dist/.built'), undefined)
    assert.deepEqual(entries.filter(({ name }) => /node_modules|\.map$|^package\/(?:src|test)\//.test(name)), [])
  })

  describe('when somebody changed it', () => {
    const at = (name: string): { index: number; length: number } => {
      const { content } = entriesOf(stream).find((entry) => entry.name === name) ?? { content: stream }
      return { index: content.byteOffset - stream.byteOffset, length: content.length }
    }
    const changed = (change: (copy: Buffer) => void): string | undefined => {
      const copy = Buffer.from(stream)
      change(copy)
      return firstDifference(stream, copy)
    }

    it('is named by the first file that differs, with the place', () => {
      const { index } = at('package/dist/jose/verify.js')
      const difference = changed((copy) => copy.writeUInt8(copy.readUInt8(index + 100) ^ 1, index + 100))
      assert.equal(difference, 'package/dist/jose/verify.js has other bytes, from byte 100 on')
    })

    it('is named by a changed mode, a missing file and one too many', () => {
      const { index, length } = at('package/LICENSE')
      const end = index + Math.ceil(length / 512) * 512
      assert.match(changed((copy) => copy.write('000755 ', index - 512 + 100)) ?? '', /LICENSE has mode 000755 and not 000644/)
      const without = Buffer.concat([stream.subarray(0, index - 512), stream.subarray(end)])
      assert.equal(firstDifference(stream, without), 'package/LICENSE is missing')
      assert.equal(firstDifference(without, stream), 'package/LICENSE is not part of the release')
      const twice = Buffer.concat([stream.subarray(0, end), stream.subarray(index - 512)])
      assert.match(firstDifference(stream, twice) ?? '', /LICENSE is in another place of the tarball, or in it twice/)
    })

    it('is named when it differs behind the last file', () => {
      assert.equal(changed((copy) => copy.writeUInt8(1, copy.length - 1)), 'The bytes behind the last file differ')
    })

    it('is refused when it ends within a file', () => {
      assert.throws(() => entriesOf(stream.subarray(0, 700)), /damaged at byte 0/)
    })
  })

  it('has a bill of materials with no component, of which nothing varies from builder to builder', () => {
    const release = { commit: 'a'.repeat(40), time: '2026-01-02T03:04:05.000Z', stream }
    const bill = JSON.parse(billOf(release))
    assert.deepEqual([bill.bomFormat, bill.components, bill.metadata.timestamp], ['CycloneDX', [], release.time])
    assert.equal(bill.metadata.component.hashes[0].content, sha256(stream))
    assert.match(bill.serialNumber, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.equal(billOf(release), billOf(release))
    assert.notEqual(JSON.parse(billOf({ ...release, commit: 'b'.repeat(40) })).serialNumber, bill.serialNumber)
  })
})
