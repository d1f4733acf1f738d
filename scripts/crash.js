import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { build } from './build.js'
import { install, root } from './setup.js'

/** `npm run crash`: crashes, power cuts, races and faults over the file store; `-- --full` in full, about 11 minutes. */

install()
build()
const { status } = spawnSync(process.execPath, [join(root, 'test', 'crash', 'run.js'), ...process.argv.slice(2)], { stdio: 'inherit' })
process.exitCode = status ?? 1
