import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { packCommit, sha256 } from './release.js'
import { firstDifference } from './tar.js'

/**
 * `node scripts/verify-release.js TARBALL [COMMIT]` builds the commit (the one that is checked out) and compares the tar
 * streams. Exit 0: they are equal; 1: it names the first file that differs.
 */

const [path, commit] = process.argv.slice(2)
if (path === undefined) {
  console.error('usage: node scripts/verify-release.js TARBALL [COMMIT]')
  process.exit(2)
}
const theirs = gunzipSync(readFileSync(path))
const { stream, commit: built } = packCommit(commit)
const difference = firstDifference(stream, theirs)
if (difference === undefined) console.log(`${path} is what commit ${built} builds: SHA-256 of its tar stream ${sha256(stream)}`)
else {
  console.error(`${path} is not what commit ${built} builds: ${difference}`)
  process.exitCode = 1
}
