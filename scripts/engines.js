import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { build } from './build.js'
import { install, root } from './setup.js'

/** `npm run engines`: replicas on a real etcd while it fails, for two minutes; `-- --minutes N` sets how long. `-- --cost` measures it, `-- --kubernetes` takes API servers of Kubernetes. */

const folder = join(root, 'test', 'engines')
build()
install(folder)
const args = process.argv.slice(2)
const file = args.includes('--cost') ? [join(folder, 'cost.js')] : [join(folder, 'run.js'), ...args]
const { status } = spawnSync(process.execPath, file, { stdio: 'inherit' })
process.exitCode = status ?? 1
