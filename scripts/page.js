import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './build.js'
import { install, root } from './setup.js'

/** `npm run page`: the page of the built server in Debian's Chromium; `-- --pictures FOLDER` keeps what it looks like. */

install()
build()

for (const path of ['/usr/bin/chromium', '/usr/bin/chromedriver']) {
  if (!existsSync(path)) {
    console.error(`page: ${path} is missing; on Debian: apt-get install chromium chromium-driver`)
    process.exit(1)
  }
}
install(join(root, 'test', 'page'))

const { status } = spawnSync(process.execPath, [join(root, 'test', 'page', 'run.js'), ...process.argv.slice(2)], { stdio: 'inherit' })
process.exitCode = status ?? 1
