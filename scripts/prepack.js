import { chmodSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './build.js'
import { filesBelow, isEntry, root } from './setup.js'

/** What `npm pack` and `npm publish` run first: dist is built, and every packed file has the mode of a release. */

/** The files and folders that package.json names, and what npm adds to them. */
const PACKED = ['README.md', 'LICENSE', 'package.json', 'dist', 'docs']
/** npm copies the mode from the disk, where it depends on the umask of whoever cloned. */
const MODES = { program: 0o755, file: 0o644 }

/** Sets the modes; those of folders are not packed. */
function setModes() {
  const paths = PACKED.map((name) => join(root, name)).flatMap((path) => statSync(path).isFile() ? [path] : filesBelow(path))
  const program = join(root, 'dist', 'server.js')
  for (const path of paths.filter((path) => !path.includes('node_modules'))) {
    chmodSync(path, path === program ? MODES.program : MODES.file)
  }
}

if (isEntry(import.meta.url)) {
  build()
  setModes()
}
