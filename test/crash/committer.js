import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * Commits one document over what a file holds, and says what came of it. The name of the temporary file is known
 * ahead, so that faults can be injected into the calls that touch it. `committer.js DIST PATH DOCUMENT`
 */

const [dist = '', path = '', document = ''] = process.argv.slice(2)
const { fileStore } = await import(pathToFileURL(join(dist, 'stores', 'file.js')).href)
const store = fileStore({ path, allowShared: false, randomBytes: (/** @type {number} */ length) => new Uint8Array(length) })
try {
  const stored = await store.load()
  const replaced = await store.replace(document, stored?.version)
  console.log(JSON.stringify({ outcome: replaced.ok ? 'committed' : 'conflict' }))
} catch (error) {
  const { name, message } = /** @type {Error} */ (error)
  console.log(JSON.stringify({ outcome: name, message }))
}
