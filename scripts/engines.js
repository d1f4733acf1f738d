import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { build } from './build.js'
import { install, root } from './setup.js'

/** `npm run engines`: replicas on a real etcd while it fails, for two minutes; `-- --minutes N` sets how long. */

const folder = join(root, 'test', 'engines')
build()
install(folder)
const { status } = spawnSync(process.execPath, [join(folder, 'run.js'), ...process.argv.slice(2)], { stdio: 'inherit' })
process.exitCode = status ?? 1
