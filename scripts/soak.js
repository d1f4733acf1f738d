import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { build } from './build.js'
import { install, root } from './setup.js'

/** `npm run soak`: the built server under floods for five minutes; `-- --minutes N` sets how long. */

install()
build()
const args = [join(root, 'test', 'soak', 'run.js'), ...process.argv.slice(2)]
const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
process.exitCode = status ?? 1
