import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { isEntry, npm, root } from './setup.js'

/**
 * `node scripts/release.js [FOLDER]` packs the commit that is checked out from a clone of its own, and writes beside the
 * tarball a software bill of materials and SHA256SUMS. The hash of a release is that of its tar stream, which depends on
 * the commit alone; compression may differ from one version of zlib to the next.
 */

/**
 * What a release is made of; time is that of the commit.
 * @typedef {{ readonly commit: string, readonly time: string, readonly tarball: Buffer, readonly stream: Buffer, readonly name: string }} Release
 */

/**
 * Packs a commit: clone, install, build, `npm pack`.
 * @param {string} [revision]
 * @returns {Release}
 */
export function packCommit(revision = 'HEAD') {
  const commit = git(root, 'rev-parse', '--verify', `${revision}^{commit}`)
  const seconds = Number(git(root, 'show', '--no-patch', '--format=%ct', commit))
  const folder = mkdtempSync(join(tmpdir(), 'jwksd-release-'))
  try {
    const clone = join(folder, 'jwksd')
    git(root, 'clone', '--quiet', '--no-checkout', '--config', 'core.autocrlf=false', root, clone)
    git(clone, 'checkout', '--quiet', '--detach', commit)
    return { commit, time: new Date(seconds * 1000).toISOString(), ...packFolder(clone, folder) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/**
 * Packs a folder into another one, and reads the tarball.
 * @param {string} folder
 * @param {string} target
 */
export function packFolder(folder, target) {
  npm(['pack', '--silent', '--pack-destination', target], folder)
  const name = readdirSync(target).find((file) => file.endsWith('.tgz'))
  if (name === undefined) throw new Error('npm pack made no tarball')
  const tarball = readFileSync(join(target, name))
  return { name: name.slice(0, -'.tgz'.length), tarball, stream: gunzipSync(tarball) }
}

/**
 * The bill of materials (CycloneDX 1.6): the program and no component.
 * @param {Pick<Release, 'commit' | 'time' | 'stream'>} release
 */
export function billOf({ commit, time, stream }) {
  const { name, version, description, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const purl = `pkg:npm/${name}@${version}`
  const component = {
    'bom-ref': purl, type: 'application', name, version, description, purl,
    hashes: [{ alg: 'SHA-256', content: sha256(stream) }],
    licenses: [{ license: { id: license } }],
    properties: [{ name: 'jwksd:hash-of', value: 'the tar stream, uncompressed' }, { name: 'jwksd:commit', value: commit }],
  }
  const bill = {
    bomFormat: 'CycloneDX', specVersion: '1.6', serialNumber: `urn:uuid:${uuidOf(`${commit} ${sha256(stream)}`)}`, version: 1,
    metadata: { timestamp: time, component }, components: [], dependencies: [{ ref: purl, dependsOn: [] }],
  }
  return `${JSON.stringify(bill, undefined, 2)}\n`
}

/**
 * A UUID that depends on a text alone (RFC 9562 section 5.8).
 * @param {string} text
 */
function uuidOf(text) {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16)
  bytes.writeUInt8(0x80 | (bytes.readUInt8(6) & 0x0f), 6)
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/**
 * SHA-256 in hex.
 * @param {Buffer | string} bytes
 */
export function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex')
}

/**
 * Runs git, and answers what it prints.
 * @param {string} folder
 * @param {string[]} args
 */
function git(folder, ...args) {
  const { status, stdout, stderr, error } = spawnSync('git', args, { cwd: folder, encoding: 'utf8' })
  if (status !== 0) throw new Error(`git ${args[0]} failed: ${error?.message ?? stderr.trim()}`)
  return stdout.trim()
}

/**
 * Writes tarball, bill and hashes of a release into a folder.
 * @param {Release} release
 * @param {string} folder
 */
function writeRelease(release, folder) {
  const bill = billOf(release)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${release.name}.tgz`), release.tarball)
  writeFileSync(join(folder, `${release.name}.cdx.json`), bill)
  const sums = [[sha256(release.stream), `${release.name}.tar`], [sha256(bill), `${release.name}.cdx.json`]]
  writeFileSync(join(folder, 'SHA256SUMS'), sums.map(([sum, name]) => `${sum}  ${name}\n`).join(''))
}

if (isEntry(import.meta.url)) {
  const folder = resolve(process.argv[2] ?? join(root, 'release'))
  if (git(root, 'status', '--porcelain') !== '') console.error('What is not committed is not part of the release')
  const release = packCommit()
  writeRelease(release, folder)
  console.log(`${sha256(release.stream)}  ${release.name}.tar\nof commit ${release.commit}, in ${folder}`)
}
