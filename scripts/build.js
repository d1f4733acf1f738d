import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { filesBelow, install, isEntry, node, root } from './setup.js'

/** `npm run build`: src to dist, unless dist is newer than everything that it is made of. */

const dist = join(root, 'dist')
const stamp = join(dist, '.built')

/** Builds what is out of date, and says so; says nothing when all is. */
export function build() {
  if (isBuilt()) return
  install()
  console.error('Building dist')
  // What was renamed or deleted in src must not live on.
  rmSync(dist, { recursive: true, force: true })
  node([join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', join(root, 'tsconfig.json')])
  copyPage()
  chmodSync(join(dist, 'server.js'), 0o755)
  writeFileSync(stamp, '')
}

/** What runs in a browser is served as it is. */
function copyPage() {
  const folder = join(dist, 'web', 'page')
  mkdirSync(folder, { recursive: true })
  for (const path of filesBelow(join(root, 'src', 'web', 'page'))) {
    if (/\.(?:js|css|svg|html)$/.test(path)) copyFileSync(path, join(folder, basename(path)))
  }
}

function isBuilt() {
  if (!existsSync(stamp)) return false
  const sources = [...filesBelow(join(root, 'src')), ...['tsconfig.json', 'package-lock.json'].map((name) => join(root, name))]
  const built = statSync(stamp).mtimeMs
  return sources.every((path) => statSync(path).mtimeMs <= built)
}

if (isEntry(import.meta.url)) build()
