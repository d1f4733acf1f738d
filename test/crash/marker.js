import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * Marks identifiers as used, three at once, and prints each that is acknowledged. `marker.js DIST FOLDER START`
 */

const [dist = '', folder = '', start = '0'] = process.argv.slice(2)
const { jtiFolder } = await import(pathToFileURL(join(dist, 'stores', 'jti-folder.js')).href)
const marks = jtiFolder(folder, () => Date.now() / 1000, 1_000_000)
const until = Date.now() / 1000 + 3600
let next = Number(start)
const mark = async () => {
  for (;;) {
    const id = `${next++}`
    if (await marks.use({ client: 'client', id, until }) !== 'new') throw new Error(`${id} was marked before`)
    process.stdout.write(`${id}\n`)
  }
}
await Promise.all([mark(), mark(), mark()])
